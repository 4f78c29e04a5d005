import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createManualClock, createSeededRandom } from '../../../clock/manual-clock.ts';
import { createSimulatedDisk } from '../../../disk/simulated-disk.ts';
import { openKeyedJournal } from '../keyed-journal.ts';

describe('keyed journal', () => {
  it('keeps the last number of each name over rewrites, kills and power cuts', async () => {
    for (let seed = 1; seed <= 3; seed += 1) {
      const random = createSeededRandom(seed);
      const disk = createSimulatedDisk({ clock: createManualClock(), random });
      disk.makeFolder('/j');
      const wanted = new Map<string, number>();
      let rewritten = false;
      let journal = openKeyedJournal(disk.boot(), '/j/names', 9);
      for (let round = 0; round < 3; round += 1) {
        for (let n = 0; n < 30_000; n += 1) {
          const name = `${'long name '.repeat(10)}${n % 50}`;
          wanted.set(name, n + round);
          const before = disk.usedBytes();
          journal.set(name, n + round);
          rewritten ||= disk.usedBytes() < before;
        }
        await journal.flush();
        disk.crash(round % 2 === 0 ? 'power' : 'kill');
        journal = openKeyedJournal(disk.boot(), '/j/names', 9);
        assert.deepEqual(journal.entries(), wanted);
      }
      assert.ok(rewritten);
    }
  });
});
