import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createBusyPoll } from '../busy-poll.ts';
import type { Clock } from '../clock.ts';

/** A clock that goes on by `stepUs` at each look, and counts the looks. */
function countingClock(stepUs: number): { clock: Clock; looks: () => number } {
  let looks = 0;
  const clock = {
    monotonicUs() {
      looks += 1;
      return looks * stepUs;
    },
  } as unknown as Clock;
  return { clock, looks: () => looks };
}

async function turnsUntilStill(looks: () => number): Promise<number> {
  let before = -1;
  while (before !== looks()) {
    before = looks();
    await turn();
    await turn();
  }
  return before;
}

describe('busy poll', () => {
  it('turns for a while after what came, and then no more', async () => {
    const { clock, looks } = countingClock(100);
    const awake = createBusyPoll(clock, 1000);
    awake();
    const first = await turnsUntilStill(looks);
    assert.ok(first > 5 && first <= 12, `${first}`);
    awake();
    assert.ok((await turnsUntilStill(looks)) > first + 5, 'it goes on when more comes');
  });

  it('never turns where it is not wanted', async () => {
    const { clock, looks } = countingClock(100);
    createBusyPoll(clock, 0)();
    assert.equal(await turnsUntilStill(looks), 0);
  });

  it('ends where the clock stands still', async () => {
    const { clock, looks } = countingClock(0);
    createBusyPoll(clock, 300)();
    assert.ok((await turnsUntilStill(looks)) <= 10_001);
  });
});
