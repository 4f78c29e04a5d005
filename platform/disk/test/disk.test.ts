import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createManualClock, createSeededRandom } from '../../clock/manual-clock.ts';
import type { Disk } from '../disk.ts';
import { createNodeDisk } from '../node-disk.ts';
import { createSharedFlush } from '../shared-flush.ts';
import { createSimulatedDisk } from '../simulated-disk.ts';

function conformance(name: string, open: () => { disk: Disk; folder: string; end(): void }): void {
  describe(`${name} disk`, () => {
    it('appends in order, reads at a position, truncates', async () => {
      const { disk, folder, end } = open();
      const path = join(folder, 'deep/er/file');
      disk.makeFolder(join(folder, 'deep/er'));
      const file = disk.open(path);
      file.append(Buffer.from('one'));
      await file.appendAll([Buffer.from('two'), Buffer.alloc(0), Buffer.from('three')]);
      await Promise.all([file.appendAll([Buffer.from('4')]), file.appendAll([Buffer.from('5')])]);
      assert.equal(file.size(), 13);
      assert.equal((await file.read(0, 100)).toString(), 'onetwothree45');
      assert.equal((await file.read(3, 3)).toString(), 'two');
      assert.equal(file.readSync(12, 9).toString(), '5');
      assert.equal((await file.read(50, 3)).length, 0);
      await Promise.all([file.flush(), file.flush(), file.flush()]);
      file.truncate(6);
      file.append(Buffer.from('!'));
      file.close();
      assert.throws(() => file.append(Buffer.from('x')));
      const again = disk.open(path);
      assert.equal(again.readSync(0, 100).toString(), 'onetwo!');
      again.close();
      end();
    });

    it('lists, renames and removes names', () => {
      const { disk, folder, end } = open();
      assert.deepEqual(disk.list(join(folder, 'absent')), []);
      disk.makeFolder(folder);
      for (const file of ['b', 'a']) disk.open(join(folder, file)).close();
      assert.deepEqual(disk.list(folder), ['a', 'b']);
      disk.rename(join(folder, 'a'), join(folder, 'b'));
      disk.syncFolder(folder);
      assert.deepEqual(disk.list(folder), ['b']);
      assert.equal(disk.exists(join(folder, 'a')), false);
      disk.remove(join(folder, 'b'));
      assert.deepEqual(disk.list(folder), []);
      assert.throws(() => disk.open(join(folder, 'no/such')), { code: 'ENOENT' });
      end();
    });
  });
}

conformance('node', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-disk-'));
  return { disk: createNodeDisk(), folder, end: () => rmSync(folder, { recursive: true }) };
});
const simulated = (seed: number, capacityBytes = 1 << 20) =>
  createSimulatedDisk({ clock: createManualClock(), random: createSeededRandom(seed) }, { capacityBytes });
conformance('simulated', () => ({ disk: simulated(1), folder: '/data', end() {} }));

describe('simulated faults', () => {
  it('keeps appended bytes over a kill and at least the flushed ones over a power cut', async () => {
    let torn = 0;
    for (let seed = 1; seed <= 40; seed += 1) {
      const disk = simulated(seed);
      disk.makeFolder('/d');
      const file = disk.open('/d/f');
      disk.syncFolder('/d');
      file.append(Buffer.alloc(100, 1));
      await file.flush();
      file.append(Buffer.alloc(100, 2));
      disk.crash('kill');
      assert.throws(() => file.append(Buffer.alloc(1)), { code: 'EIO' });
      assert.equal(disk.open('/d/f').size(), 200);
      disk.crash('power');
      const left = disk.open('/d/f').readSync(0, 300);
      assert.ok(left.length >= 100 && left.length <= 200);
      assert.ok(left.subarray(0, 100).equals(Buffer.alloc(100, 1)));
      if (!left.equals(Buffer.concat([Buffer.alloc(100, 1), Buffer.alloc(100, 2)]))) torn += 1;
    }
    assert.ok(torn > 20);
  });

  it('forgets names that were not synced, at some seed, and never synced ones', () => {
    let lost = 0;
    for (let seed = 1; seed <= 20; seed += 1) {
      const disk = simulated(seed);
      disk.makeFolder('/d');
      disk.open('/d/kept');
      disk.syncFolder('/d');
      disk.open('/d/new');
      disk.crash('power');
      assert.ok(disk.exists('/d/kept'));
      if (!disk.exists('/d/new')) lost += 1;
    }
    assert.ok(lost > 0 && lost < 20);
  });

  it('adds nothing when full, and takes appends again when there is room', async () => {
    const disk = simulated(1, 10);
    disk.makeFolder('/d');
    const file = disk.open('/d/f');
    file.append(Buffer.alloc(8));
    assert.throws(() => file.append(Buffer.alloc(3)), { code: 'ENOSPC' });
    await assert.rejects(file.appendAll([Buffer.alloc(1), Buffer.alloc(2)]), { code: 'ENOSPC' });
    assert.equal(file.size(), 8);
    disk.setCapacity(20);
    file.append(Buffer.alloc(3));
    assert.equal(file.size(), 11);
  });

  it('completes by the clock, and never after a crash', async () => {
    const clock = createManualClock();
    const disk = createSimulatedDisk({ clock, random: createSeededRandom(3) }, { latencyMsMax: 10 });
    disk.makeFolder('/d');
    const file = disk.open('/d/f');
    file.append(Buffer.from('x'));
    const seen: string[] = [];
    const flushed = file.flush().then(() => seen.push('flushed'));
    await Promise.resolve();
    assert.equal(seen.length, 0);
    clock.advance(10);
    await flushed;
    const afterCrash = file.read(0, 1).then(() => seen.push('read'));
    afterCrash.catch(() => seen.push('failed'));
    disk.crash('kill');
    clock.advance(100);
    await new Promise(setImmediate);
    assert.deepEqual(seen, ['flushed']);
  });
});

describe('shared flush', () => {
  it('runs one at a time and covers each caller with a flush begun after it', async () => {
    const started: (() => void)[] = [];
    const flush = createSharedFlush(() => new Promise((resolve) => started.push(resolve)));
    const done: string[] = [];
    const first = flush().then(() => done.push('first'));
    const others = [flush(), flush(), flush()].map((one, index) =>
      one.then(() => done.push(`other ${index}`)),
    );
    assert.equal(started.length, 1);
    started[0]!();
    await first;
    await new Promise(setImmediate);
    assert.deepEqual(done, ['first']);
    assert.equal(started.length, 2);
    started[1]!();
    await Promise.all(others);
    assert.equal(started.length, 2);
  });

  it('stays failed after a failure', async () => {
    let runs = 0;
    const flush = createSharedFlush(async () => {
      runs += 1;
      throw new Error('EIO');
    });
    const results = await Promise.allSettled([flush(), flush()]);
    await assert.rejects(flush(), /EIO/);
    assert.ok(results.every((result) => result.status === 'rejected'));
    assert.equal(runs, 1);
  });
});
