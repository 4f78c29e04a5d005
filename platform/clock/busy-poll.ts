import type { Clock } from './clock.ts';
import { atTurnEnd } from './turn-end.ts';

/** Turns of the event loop in a row: an end also where a clock stands still. */
const TURNS_MAX = 10_000;

/**
 * Keeps the event loop turning for a while after something has come, instead of letting the process sleep: what comes next then finds
 * it awake and its caches warm. Costs processor time for as long as there is something to do, and none later. `forUs`: microseconds, 0
 * for never. The returned function is to be called when something has come.
 */
export function createBusyPoll(clock: Clock, forUs: number): () => void {
  let lastUs = Number.NEGATIVE_INFINITY;
  let turns = 0;
  let turning = false;
  const turn = (): void => {
    turns += 1;
    turning = turns < TURNS_MAX && clock.monotonicUs() - lastUs < forUs;
    if (turning) atTurnEnd(turn);
  };
  if (forUs <= 0) return () => undefined;
  return () => {
    lastUs = clock.monotonicUs();
    turns = 0;
    if (turning) return;
    turning = true;
    atTurnEnd(turn);
  };
}
