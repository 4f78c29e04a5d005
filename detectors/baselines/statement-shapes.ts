import { confidence, createExperience, gain, startAgain, type Experience } from './support/cold-start.ts';
import { defineBaseline, figure, NOTHING, severityOf } from './support/define-baseline.ts';
import { forgetRecent, isNew, learnItem, type KnownItems } from './support/known-items.ts';
import { newChanceOf } from './support/surprise.ts';
import { createSpeech, worthSaying, type Speech } from './support/speech.ts';

const SHAPES_MAX = 1024;
const WINDOW_MS = 1_800_000;
const WINDOW_SHAPES_MAX = 12;
/** Flat background of everybody else: one of so many shapes. */
const OTHERS_SHAPES = 400;

interface ShapeState {
  shapes: KnownItems;
  known: Experience;
  /** New shapes lately, each once. */
  novel: [shape: string, at: number][];
  /** Times that a new shape appeared, after the first week: how inventive this identity is (decayed count). */
  inventions: number;
  said: Speech;
}

/**
 * Statement shapes, self against others: how much likelier is a shape from everybody else than from this identity? The own
 * model is a decayed count with Witten-Bell smoothing (an inventive identity leaves room for new shapes), the other a flat
 * background; the log odds of the new shapes of the past half hour add up (naive Bayes with updating, as on Schonlau's data).
 */
export const statementShapesBaseline = defineBaseline<ShapeState>({
  name: 'statement-shapes',
  version: '1',
  createState: () => ({
    shapes: new Map(),
    known: createExperience(),
    novel: [],
    inventions: 0,
    said: createSpeech(),
  }),
  onEvent(view, state, { mayLearn }) {
    const { body, time } = view.event;
    if (body.kind !== 'request' || body.fingerprint === null) return NOTHING;
    const shape = body.fingerprint;
    const sure = confidence(state.known, time, 80, 5);
    const fresh = sure > 0 && isNew(state.shapes, shape, time);
    view.setFact('shape_new', fresh);
    state.novel = state.novel.filter(([other, at]) => time - at < WINDOW_MS && other !== shape);
    if (fresh) state.novel.push([shape, time]);
    if (state.novel.length > WINDOW_SHAPES_MAX) state.novel.shift();
    // Witten-Bell: the chance that the next shape is one never seen.
    const newChance = newChanceOf(state.inventions, state.known.seen);
    const oddsOfOne = Math.max(0, Math.log(1 / OTHERS_SHAPES / (newChance / OTHERS_SHAPES)));
    const odds = oddsOfOne * state.novel.length;
    // 30 % at the odds of one new shape of an identity that never invents, growing to at most 60 %.
    const risk = fresh ? Math.round(sure * 60 * (1 - Math.exp(-odds / 9))) : 0;
    const speaks = worthSaying(state.said, risk, time);
    if (mayLearn) {
      if (!state.shapes.has(shape) && sure > 0) state.inventions += 1;
      gain(state.known, time);
      learnItem(state.shapes, shape, time, SHAPES_MAX);
    } else if (forgetRecent(state.shapes, time)) startAgain(state.known);
    if (!speaks) return NOTHING;
    return [
      {
        title: 'New statement shapes',
        severity: severityOf(risk),
        risk,
        reason: `${figure(state.novel.length)} statement shapes within half an hour are new among ${figure(state.known.seen)} earlier statements of ${figure(state.shapes.size)} shapes`,
        figures: [
          { name: 'new shapes', value: state.novel.length, usual: newChance, unit: '1' },
          { name: 'log odds of others against self', value: odds, usual: 0, unit: 'nat' },
        ],
        techniques: ['T1078'],
      },
    ];
  },
});
