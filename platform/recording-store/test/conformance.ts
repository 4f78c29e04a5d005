/** What every adapter of the RecordingStore port promises. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import type { RecordingStore } from '../recording-store.ts';

export interface RecordingStoreHarness {
  store: RecordingStore;
  reopen(): Promise<RecordingStore>;
  /** Damages what is stored of a chunk. */
  corrupt(recordingId: string, index: number): Promise<void>;
  end(): Promise<void>;
  readonly chunkBytesMax: number;
}

const ID = '0199a0b0-0000-7000-8000-00000000000';
const hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Registers the suite for one adapter. */
export function describeRecordingStore(name: string, open: () => Promise<RecordingStoreHarness>): void {
  const test = (title: string, run: (harness: RecordingStoreHarness) => Promise<void>): void => {
    it(title, async () => {
      const harness = await open();
      try {
        await run(harness);
      } finally {
        await harness.end();
      }
    });
  };
  describe(`recording store: ${name}`, () => {
    test('keeps chunks and manifest over a restart', async (harness) => {
      const { store } = harness;
      const chunks = [Buffer.from('first'), Buffer.alloc(0), Buffer.alloc(100_000, 9)];
      for (const [index, bytes] of chunks.entries())
        assert.deepEqual(await store.putChunk(`${ID}1`, index, bytes), {
          index,
          bytes: bytes.length,
          sha256: hex(bytes),
        });
      assert.equal(await store.getManifest(`${ID}1`), undefined);
      await store.putManifest(`${ID}1`, Buffer.from('{}'));
      const again = await harness.reopen();
      assert.deepEqual(
        await again.chunks(`${ID}1`),
        chunks.map((bytes, index) => ({ index, bytes: bytes.length, sha256: hex(bytes) })),
      );
      for (const [index, bytes] of chunks.entries()) {
        const read = await again.getChunk(`${ID}1`, index);
        assert.ok(read.ok && read.bytes.equals(bytes));
      }
      assert.equal((await again.getManifest(`${ID}1`))!.toString(), '{}');
      assert.deepEqual(await again.getChunk(`${ID}1`, 3), { ok: false, reason: 'absent' });
    });

    test('takes the same chunk again, refuses other bytes, also at once', async ({ store }) => {
      await Promise.all([
        store.putChunk(`${ID}1`, 0, Buffer.from('a')),
        store.putChunk(`${ID}1`, 0, Buffer.from('a')),
      ]);
      const conflict = { code: 'RECORDING_CHUNK_CONFLICT' };
      await assert.rejects(store.putChunk(`${ID}1`, 0, Buffer.from('b')), conflict);
      const both = await Promise.allSettled([
        store.putChunk(`${ID}1`, 1, Buffer.from('x')),
        store.putChunk(`${ID}1`, 1, Buffer.from('y')),
      ]);
      assert.equal(both.filter((one) => one.status === 'rejected').length, 1);
      const read = await store.getChunk(`${ID}1`, 0);
      assert.ok(read.ok && read.bytes.toString() === 'a');
    });

    test('isolates a damaged chunk, and takes it again', async ({ store, corrupt }) => {
      for (const index of [0, 1, 2]) await store.putChunk(`${ID}1`, index, Buffer.from(`chunk ${index}`));
      await corrupt(`${ID}1`, 1);
      assert.deepEqual(await store.getChunk(`${ID}1`, 1), { ok: false, reason: 'corrupt' });
      for (const index of [0, 2]) assert.ok((await store.getChunk(`${ID}1`, index)).ok);
      assert.equal((await store.chunks(`${ID}1`)).length, 3);
      await store.putChunk(`${ID}1`, 1, Buffer.from('chunk 1'));
      assert.ok((await store.getChunk(`${ID}1`, 1)).ok);
    });

    test('lists newest first, in pages, and removes', async ({ store }) => {
      for (const last of [3, 1, 2]) await store.putChunk(`${ID}${last}`, 0, Buffer.from('x'));
      assert.deepEqual(await store.list({ limit: 2 }), [`${ID}3`, `${ID}2`]);
      assert.deepEqual(await store.list({ limit: 2, before: `${ID}2` }), [`${ID}1`]);
      await store.remove(`${ID}2`);
      await store.remove(`${ID}2`);
      assert.deepEqual(await store.list({ limit: 9 }), [`${ID}3`, `${ID}1`]);
      assert.deepEqual(await store.chunks(`${ID}2`), []);
    });

    test('refuses ids that are no UUID, indexes that are none, and what is too large', async (harness) => {
      const { store } = harness;
      const invalid = { code: 'RECORDING_ID_INVALID' };
      for (const id of ['../x', '', '/etc', `${ID}1/..`, `${ID}1\n`, `..%2f${ID}1`]) {
        await assert.rejects(store.putChunk(id, 0, Buffer.from('x')), invalid);
        await assert.rejects(store.getChunk(id, 0), invalid);
        await assert.rejects(store.remove(id), invalid);
        await assert.rejects(store.putManifest(id, Buffer.from('x')), invalid);
      }
      for (const index of [-1, 0.5, Number.NaN, 1e9])
        await assert.rejects(store.putChunk(`${ID}1`, index, Buffer.from('x')), {
          code: 'RECORDING_CHUNK_INDEX_INVALID',
        });
      await assert.rejects(store.putChunk(`${ID}1`, 0, Buffer.alloc(harness.chunkBytesMax + 1)), {
        code: 'RECORDING_CHUNK_TOO_LARGE',
      });
      assert.deepEqual(await store.list({ limit: 9 }), []);
      await store.close();
      await assert.rejects(store.list({ limit: 1 }), { code: 'RECORDING_STORE_CLOSED' });
    });
  });
}
