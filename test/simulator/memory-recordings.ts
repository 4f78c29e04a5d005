/** A recording store in memory: the simulator looks at events, not at recordings. */
import { createHash } from 'node:crypto';
import type { ChunkInfo, RecordingStore } from '../../platform/recording-store/recording-store.ts';

export function createMemoryRecordings(): RecordingStore {
  const chunks = new Map<string, Map<number, Buffer>>();
  const manifests = new Map<string, Buffer>();
  const info = (index: number, bytes: Uint8Array): ChunkInfo => ({
    index,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  });
  return {
    putChunk(recordingId, index, bytes) {
      const own = chunks.get(recordingId) ?? new Map<number, Buffer>();
      own.set(index, Buffer.from(bytes));
      chunks.set(recordingId, own);
      return Promise.resolve(info(index, bytes));
    },
    getChunk(recordingId, index) {
      const bytes = chunks.get(recordingId)?.get(index);
      return Promise.resolve(bytes === undefined ? { ok: false, reason: 'absent' } : { ok: true, bytes });
    },
    chunks: (recordingId) =>
      Promise.resolve([...(chunks.get(recordingId) ?? [])].map(([index, bytes]) => info(index, bytes))),
    putManifest(recordingId, manifest) {
      manifests.set(recordingId, Buffer.from(manifest));
      return Promise.resolve();
    },
    getManifest: (recordingId) => Promise.resolve(manifests.get(recordingId)),
    list: ({ limit }) => Promise.resolve([...chunks.keys()].slice(0, limit)),
    remove: (recordingId) => Promise.resolve(void chunks.delete(recordingId)),
    close: () => Promise.resolve(),
  };
}
