import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createSeededRandom } from '../../../clock/manual-clock.ts';
import { readAll, text } from '../../test/support.ts';
import { openEmbedded } from './harness.ts';

const ROUNDS = 20;
const CHILD = fileURLToPath(new URL('kill-child.ts', import.meta.url));

describe('embedded event log: kill -9', () => {
  it('loses nothing acknowledged in 20 kills under load, and has nothing twice', async () => {
    const random = createSeededRandom(11);
    const harness = openEmbedded();
    await harness.log.ensureTopics([{ name: 'load', partitions: 3, cleanup: 'delete' }]);
    await harness.log.close();
    const acknowledged: string[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const child = spawn(process.execPath, [CHILD, harness.folder, String(round)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const wanted = 200 + Math.floor(random.float() * 3000);
      let output = '';
      let lines = 0;
      child.stdout.setEncoding('utf8').on('data', (piece: string) => {
        output += piece;
        lines += piece.split('\n').length - 1;
        if (lines >= wanted) child.kill('SIGKILL');
      });
      const [, signal] = (await once(child, 'close')) as [number | null, string | null];
      assert.equal(signal, 'SIGKILL');
      acknowledged.push(...output.split('\n').slice(0, -1));
    }
    assert.ok(acknowledged.length > ROUNDS * 200);
    const log = harness.open();
    const found = await readAll(log, 'load');
    const ids = found.map((one) => text(one)!.split(' ')[0]!);
    const set = new Set(ids);
    assert.equal(set.size, ids.length);
    assert.deepEqual(
      acknowledged.filter((id) => !set.has(id)),
      [],
    );
    for (const partition of [0, 1, 2]) {
      const order = found
        .filter((one) => one.partition === partition)
        .map((one) => text(one)!.split(' ')[0]!);
      const sorted = order.toSorted((a, b) => Number(a.replace('-', '')) - Number(b.replace('-', '')));
      assert.deepEqual(order, sorted);
    }
    assert.equal(harness.corrupt.length, 0);
    await harness.end();
  });
});
