/**
 * Which events automation may act on. Gateway events younger than `liveAgeMsMax` by the processing clock. Exercise events (in
 * their own name space) where the attribute `exercise_live` of the identity is `true` and the event is within that age of the
 * newest event time seen for the exercise: an exercise's history replays weeks in seconds and must not act. Others never.
 */
import type { SessionEvent } from '../../schemas/types.ts';

const EXERCISES_MAX = 1000;

export interface Liveness {
  isLive(event: SessionEvent, now: number): boolean;
}

export function createLiveness(liveAgeMsMax: number): Liveness {
  const newest = new Map<string, number>();
  return {
    isLive(event, now) {
      if (event.origin === 'gateway') return now - event.time <= liveAgeMsMax;
      if (event.origin !== 'exercise' || event.exerciseId === null) return false;
      const last = Math.max(newest.get(event.exerciseId) ?? 0, event.time);
      if (!newest.has(event.exerciseId) && newest.size >= EXERCISES_MAX)
        newest.delete(newest.keys().next().value!);
      newest.set(event.exerciseId, last);
      return event.identity?.attributes['exercise_live'] === 'true' && last - event.time <= liveAgeMsMax;
    },
  };
}
