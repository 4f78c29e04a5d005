import type { Action } from '../../schemas/types.ts';
import type { Finding } from '../detector.ts';
import { confidence, createExperience, gain, startAgain, type Experience } from './support/cold-start.ts';
import { defineBaseline, NOTHING, severityOf } from './support/define-baseline.ts';
import { forgetRecent, isNew, learnItem, type KnownItems } from './support/known-items.ts';
import { surpriseOf } from './support/surprise.ts';
import { createSpeech, worthSaying, type Speech } from './support/speech.ts';

const ITEMS_MAX = 1024;
const WINDOW_MS = 1_800_000;

interface ObjectState {
  /** `connection:`, `object:`, `whole:` (nothing restricted the rows). */
  items: KnownItems;
  known: Experience;
  fresh: [object: string, at: number, points: number][];
  /** Statements that touched something new once the identity was known: how often that happens to it. */
  inventions: number;
  said: Speech;
}

/** What an action touches, as items of the baseline; settings and transactions touch nothing. */
function itemsOf({ action, object, whole }: Action): { item: string; points: number }[] {
  if (object === null || action === 'set' || action === 'transaction') return [];
  const items = [{ item: `object:${object}`, points: 18 }];
  if (whole && action !== 'insert') items.push({ item: `whole:${object}`, points: 24 });
  return items;
}

function finding(state: ObjectState, time: number, sure: number): readonly Finding[] {
  const points = state.fresh.reduce((sum, [, , own]) => sum + own, 0);
  const risk = Math.round(sure * 62 * (1 - Math.exp(-points / 50)));
  if (!worthSaying(state.said, risk, time)) return NOTHING;
  const names = state.fresh.slice(-5).map(([item]) => {
    const [kind, name] = [item.slice(0, item.indexOf(':')), item.slice(item.indexOf(':') + 1)];
    return kind === 'whole' ? `${name} (whole)` : kind === 'connection' ? `connection ${name}` : name;
  });
  return [
    {
      title: 'New targets or objects',
      severity: severityOf(risk),
      risk,
      reason: `touches ${names.join(', ')} for the first time; ${state.items.size} targets and objects are known`,
      figures: [{ name: 'new objects within half an hour', value: state.fresh.length, usual: 0, unit: '1' }],
      techniques: ['T1213'],
    },
  ];
}

/** Connections and objects that an identity works on, and which of them it takes whole. */
export const objectsBaseline = defineBaseline<ObjectState>({
  name: 'objects',
  version: '2',
  createState: () => ({
    items: new Map(),
    known: createExperience(),
    fresh: [],
    inventions: 0,
    said: createSpeech(),
  }),
  onEvent(view, state, { mayLearn }) {
    const { body, time, target } = view.event;
    const sure = confidence(state.known, time, 60, 5);
    const touched = target === null ? [] : [{ item: `connection:${target.connection}`, points: 35 }];
    if (target !== null)
      view.setFact('connection_new', sure > 0 && isNew(state.items, touched[0]!.item, time));
    if (body.kind !== 'session_opened' && body.kind !== 'request') return NOTHING;
    if (body.kind === 'request') {
      // Files and programs of hosts are another matter: people touch new ones all day (programs.ts).
      if (target?.protocol !== 'ssh') for (const action of body.actions) touched.push(...itemsOf(action));
      view.setFact(
        'object_new',
        sure > 0 && touched.some(({ item }) => item.startsWith('object:') && isNew(state.items, item, time)),
      );
    }
    state.fresh = state.fresh.filter(([, at]) => time - at < WINDOW_MS).slice(-16);
    // An identity that touches new things each week (releases) is doubted less for the next, as with statement shapes.
    const doubt = surpriseOf(state.inventions, state.known.seen);
    let anew = false;
    let invents = false;
    for (const { item, points } of touched.slice(0, 64)) {
      if (sure > 0 && isNew(state.items, item, time)) {
        state.fresh = state.fresh.filter(([other]) => other !== item);
        state.fresh.push([item, time, points * doubt]);
        if (!state.items.has(item)) invents = true;
        anew = true;
      }
      if (mayLearn) learnItem(state.items, item, time, ITEMS_MAX);
    }
    if (mayLearn) {
      gain(state.known, time);
      if (invents) state.inventions += 1;
    } else if (forgetRecent(state.items, time)) startAgain(state.known);
    return anew ? finding(state, time, sure) : NOTHING;
  },
});
