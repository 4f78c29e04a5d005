import type { EventView } from '../detector.ts';

/** Kinds times combinations of actions; actions are few, so that a cache of this size is hardly ever emptied. */
export const CONCERN_KEYS_MAX = 2000;

/** All that `Detector.mayConcern` may look at, as one text: the kind of the body, and the actions of a request. */
export function concernKey({ event: { body } }: EventView): string {
  if (body.kind !== 'request') return body.kind;
  const { actions } = body;
  if (actions.length === 0) return 'request ';
  const first = actions[0]!.action;
  if (actions.every(({ action }) => action === first)) return `request ${first}`;
  return `request ${[...new Set(actions.map(({ action }) => action))].sort().join(' ')}`;
}
