import type { Action } from '../../schemas/types.ts';
import { confidence, createExperience, gain, startAgain, type Experience } from './support/cold-start.ts';
import { defineBaseline, figure, NOTHING, severityOf } from './support/define-baseline.ts';
import { forgetRecent, isNew, learnItem, type KnownItems } from './support/known-items.ts';
import { newChanceOf } from './support/surprise.ts';
import { createSpeech, worthSaying, type Speech } from './support/speech.ts';

const PROGRAMS_MAX = 1024;
const WINDOW_MS = 1_800_000;
const WINDOW_PROGRAMS_MAX = 12;
/** Everybody else: one of so many programs. */
const OTHERS_PROGRAMS = 400;

interface ProgramState {
  programs: KnownItems;
  known: Experience;
  /** New programs lately, each once. */
  novel: [program: string, at: number][];
  /** Times that a new program appeared once the identity was known. */
  inventions: number;
  said: Speech;
}

const programsOf = (actions: readonly Action[]): readonly string[] => [
  ...new Set(
    actions.flatMap(({ action, objectKind, object }) =>
      action === 'execute' && objectKind === 'program' && object !== null ? [object] : [],
    ),
  ),
];

/**
 * Programs that an identity runs on hosts, self against others, as with statement shapes (on Schonlau's data the form that does best at
 * low false-alarm rates). One that tries new programs each day is doubted less for the next.
 */
export const programsBaseline = defineBaseline<ProgramState>({
  name: 'programs',
  version: '1',
  createState: () => ({
    programs: new Map(),
    known: createExperience(),
    novel: [],
    inventions: 0,
    said: createSpeech(),
  }),
  onEvent(view, state, { mayLearn }) {
    const { body, time, target } = view.event;
    if (body.kind !== 'request' || target?.protocol !== 'ssh') return NOTHING;
    const run = programsOf(body.actions).slice(0, 64);
    if (run.length === 0) return NOTHING;
    const sure = confidence(state.known, time, 80, 5);
    const fresh = sure > 0 ? run.filter((program) => isNew(state.programs, program, time)) : [];
    view.setFact('program_new', fresh.length > 0);
    state.novel = state.novel.filter(([program, at]) => time - at < WINDOW_MS && !fresh.includes(program));
    for (const program of fresh) state.novel.push([program, time]);
    state.novel = state.novel.slice(-WINDOW_PROGRAMS_MAX);
    const newChance = newChanceOf(state.inventions, state.known.seen);
    // The chance that anybody else's next program is this one, against the chance that the identity's own next one is new and just this.
    const odds =
      Math.max(0, Math.log(1 / OTHERS_PROGRAMS / (newChance / OTHERS_PROGRAMS))) * state.novel.length;
    const risk = fresh.length > 0 ? Math.round(sure * 55 * (1 - Math.exp(-odds / 14))) : 0;
    const speaks = worthSaying(state.said, risk, time);
    const usual = state.programs.size;
    if (mayLearn) {
      for (const program of run) {
        if (!state.programs.has(program) && sure > 0) state.inventions += 1;
        learnItem(state.programs, program, time, PROGRAMS_MAX);
      }
      gain(state.known, time);
    } else if (forgetRecent(state.programs, time)) startAgain(state.known);
    if (!speaks) return NOTHING;
    return [
      {
        title: 'New programs',
        severity: severityOf(risk),
        risk,
        reason: `${state.novel
          .map(([program]) => program)
          .slice(-5)
          .join(
            ', ',
          )}: programs never run before, among ${figure(usual)} that are known from ${figure(state.known.seen)} commands`,
        figures: [
          { name: 'new programs', value: state.novel.length, usual: newChance, unit: '1' },
          { name: 'log odds of others against self', value: odds, usual: 0, unit: 'nat' },
        ],
        techniques: ['T1059'],
      },
    ];
  },
});
