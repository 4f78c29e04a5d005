import type { Clock } from '../../../platform/clock/clock.ts';
import { createSystemClock } from '../../../platform/clock/system-clock.ts';

/** The machine's clock, whose wall time steps as a test says; monotonic time and timers go on untouched. */
export interface StepClock extends Clock {
  step(ms: number): void;
}

export function createStepClock(): StepClock {
  const real = createSystemClock();
  let offset = 0;
  return {
    ...real,
    now: () => real.now() + offset,
    step(ms) {
      offset += ms;
    },
  };
}
