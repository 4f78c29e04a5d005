import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createManualClock, createSeededRandom } from '../../clock/manual-clock.ts';
import { createNodeDisk } from '../../disk/node-disk.ts';
import { createSimulatedDisk } from '../../disk/simulated-disk.ts';
import { silentLogger } from '../../log/pino-logger.ts';
import { createFolderRecordingStore } from '../folder/folder-recording-store.ts';
import { describeRecordingStore, type RecordingStoreHarness } from './conformance.ts';

const CHUNK_BYTES_MAX = 200_000;
const ID = '0199a0b0-0000-7000-8000-000000000001';

describeRecordingStore('folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-recordings-'));
  const open = () =>
    createFolderRecordingStore(
      { disk: createNodeDisk(), log: silentLogger },
      { folder, chunkBytesMax: CHUNK_BYTES_MAX },
    );
  const harness: RecordingStoreHarness = {
    store: open(),
    chunkBytesMax: CHUNK_BYTES_MAX,
    async reopen() {
      await harness.store.close();
      harness.store = open();
      return harness.store;
    },
    async corrupt(recordingId, index) {
      const path = join(folder, recordingId, `${String(index).padStart(7, '0')}.chunk`);
      const bytes = readFileSync(path);
      bytes[bytes.length - 1]! ^= 1;
      writeFileSync(path, bytes);
    },
    async end() {
      await harness.store.close();
      rmSync(folder, { recursive: true });
    },
  };
  return harness;
});

describe('recording store in a folder: faults', () => {
  const simulated = (seed: number) =>
    createSimulatedDisk({ clock: createManualClock(), random: createSeededRandom(seed) });
  const openOn = (disk: ReturnType<typeof simulated>) =>
    createFolderRecordingStore(
      { disk: disk.boot(), log: silentLogger },
      { folder: '/r', chunkBytesMax: CHUNK_BYTES_MAX },
    );

  it('a stored chunk survives a power cut; one under way is whole or absent', async () => {
    let absent = 0;
    for (let seed = 1; seed <= 60; seed += 1) {
      const disk = simulated(seed);
      const store = openOn(disk);
      await store.putChunk(ID, 0, Buffer.alloc(1000, 1));
      const underWay = store.putChunk(ID, 1, Buffer.alloc(1000, 2));
      underWay.catch(() => undefined);
      for (let turn = 0; turn < seed % 12; turn += 1) await Promise.resolve();
      disk.crash('power');
      const again = openOn(disk);
      assert.ok((await again.getChunk(ID, 0)).ok);
      const second = await again.getChunk(ID, 1);
      assert.ok(second.ok || second.reason === 'absent');
      if (!second.ok) absent += 1;
      await again.putChunk(ID, 1, Buffer.alloc(1000, 2));
      assert.ok((await again.getChunk(ID, 1)).ok);
    }
    assert.ok(absent > 0);
  });

  it('says that the disk is full, stores nothing, and goes on when there is room', async () => {
    const disk = simulated(1);
    const store = openOn(disk);
    disk.setCapacity(500);
    await assert.rejects(store.putChunk(ID, 0, Buffer.alloc(1000)), { code: 'RECORDING_STORE_FULL' });
    assert.deepEqual(await store.chunks(ID), []);
    assert.equal(disk.usedBytes(), 0);
    disk.setCapacity(5000);
    await store.putChunk(ID, 0, Buffer.alloc(1000));
    assert.ok((await store.getChunk(ID, 0)).ok);
  });
});

it('takes over a file of the same file system, and only what is what it says', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'recordings-'));
  try {
    const store = createFolderRecordingStore(
      { disk: createNodeDisk(), log: silentLogger },
      { folder: join(folder, 'store'), chunkBytesMax: 1_000_000 },
    );
    const id = '0199a0b0-0000-7000-8000-000000000009';
    const bytes = Buffer.alloc(300_000, 'recorded');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const from = join(folder, 'from');
    writeFileSync(from, bytes);
    assert.equal(await store.adoptChunk!(id, { index: 0, bytes: 299_999, sha256 }, from), false);
    assert.deepEqual(readFileSync(from), bytes);
    assert.equal(await store.adoptChunk!(id, { index: 0, bytes: 300_000, sha256 }, from), true);
    assert.equal(existsSync(from), false);
    assert.deepEqual(await store.getChunk(id, 0), { ok: true, bytes });
    assert.deepEqual(await store.chunks(id), [{ index: 0, bytes: 300_000, sha256 }]);
    // The same once more is harmless, by putting it; other bytes are a conflict.
    writeFileSync(from, bytes);
    assert.equal(await store.adoptChunk!(id, { index: 0, bytes: 300_000, sha256 }, from), false);
    assert.deepEqual(readFileSync(from), bytes);
    await store.putChunk(id, 0, bytes);
    await assert.rejects(store.putChunk(id, 0, Buffer.from('other')), { code: 'RECORDING_CHUNK_CONFLICT' });
    const path = join(folder, 'store', id, readdirSync(join(folder, 'store', id))[0]!);
    const damaged = readFileSync(path);
    damaged[1000]! ^= 1;
    writeFileSync(path, damaged);
    assert.deepEqual(await store.getChunk(id, 0), { ok: false, reason: 'corrupt' });
    await store.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
