import { join } from 'node:path';
import { sha256 } from '../../digest/sha256.ts';
import type { RecordingStoreConfig } from '../../../schemas/config/recording-store.ts';
import type { Disk } from '../../disk/disk.ts';
import type { Logger } from '../../log/log.ts';
import { recordingError } from '../errors.ts';
import type { ChunkInfo, RecordingStore } from '../recording-store.ts';
import { adoptSealed, readSeal, readSealed, writeSealed } from './sealed-file.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const CHUNK = /^(\d{7})\.chunk$/;
const INDEX_MAX = 9_999_999;
const MANIFEST = 'manifest';

/** Recordings in `config.folder`: one folder each, one file per chunk. One process writes a recording at a time. */
export function createFolderRecordingStore(
  deps: { readonly disk: Disk; readonly log: Logger },
  config: RecordingStoreConfig,
): RecordingStore {
  const { disk, log } = deps;
  const { folder, chunkBytesMax } = config;
  disk.makeFolder(folder);
  /** The last write of each recording that has one under way: they go one after the other. */
  const writing = new Map<string, Promise<unknown>>();
  let closed = false;

  const checkOpen = (): void => {
    if (closed) throw recordingError('RECORDING_STORE_CLOSED');
  };
  const folderOf = (recordingId: string): string => {
    checkOpen();
    if (!UUID.test(recordingId)) throw recordingError('RECORDING_ID_INVALID');
    return join(folder, recordingId);
  };
  const chunkName = (recordingId: string, index: number): string => {
    if (!Number.isInteger(index) || index < 0 || index > INDEX_MAX)
      throw recordingError('RECORDING_CHUNK_INDEX_INVALID', { recordingId, index });
    return `${String(index).padStart(7, '0')}.chunk`;
  };
  const inTurn = async <T>(recordingId: string, work: () => Promise<T>): Promise<T> => {
    const before = writing.get(recordingId) ?? Promise.resolve();
    const mine = before.then(work, work);
    writing.set(recordingId, mine);
    try {
      return await mine;
    } finally {
      if (writing.get(recordingId) === mine) writing.delete(recordingId);
    }
  };
  const ensureFolder = (at: string): void => {
    if (disk.exists(at)) return;
    disk.makeFolder(at);
    disk.syncFolder(folder);
  };
  const write = async (
    recordingId: string,
    name: string,
    content: Uint8Array,
    digest = sha256(content),
  ): Promise<void> => {
    const at = join(folder, recordingId);
    if (content.byteLength > chunkBytesMax)
      throw recordingError('RECORDING_CHUNK_TOO_LARGE', {
        recordingId,
        bytes: content.byteLength,
        bytesMax: chunkBytesMax,
      });
    let whole: boolean;
    try {
      ensureFolder(at);
      whole = await writeSealed(disk, join(at, name), join(at, `${name}.writing`), content, digest);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOSPC' || code === 'EDQUOT')
        throw recordingError('RECORDING_STORE_FULL', { recordingId }, error);
      throw error;
    }
    if (!whole) throw recordingError('RECORDING_VERIFY_FAILED', { recordingId, name });
  };

  return {
    async putChunk(recordingId, index, bytes) {
      const at = folderOf(recordingId);
      const name = chunkName(recordingId, index);
      const hash = sha256(bytes);
      const digest = hash.toString('hex');
      const info: ChunkInfo = { index, bytes: bytes.byteLength, sha256: digest };
      return inTurn(recordingId, async () => {
        const stored = await readSealed(disk, join(at, name));
        if (stored.ok && stored.sha256 === digest) return info;
        if (stored.ok) throw recordingError('RECORDING_CHUNK_CONFLICT', { recordingId, index });
        if (stored.reason === 'corrupt')
          log.warn({ recordingId, index }, 'damaged recording chunk written again');
        await write(recordingId, name, bytes, hash);
        return info;
      });
    },
    async adoptChunk(recordingId, chunk, path) {
      const at = folderOf(recordingId);
      const name = chunkName(recordingId, chunk.index);
      if (chunk.bytes > chunkBytesMax) return false;
      return inTurn(recordingId, async () => {
        ensureFolder(at);
        // What is there already is compared, by putting it.
        if (disk.exists(join(at, name))) return false;
        return adoptSealed(disk, join(at, name), path, chunk);
      });
    },
    async getChunk(recordingId, index) {
      const read = await readSealed(disk, join(folderOf(recordingId), chunkName(recordingId, index)));
      if (read.ok) return { ok: true, bytes: read.bytes };
      if (read.reason === 'corrupt') log.error({ recordingId, index }, 'recording chunk is damaged');
      return read;
    },
    async chunks(recordingId) {
      const at = folderOf(recordingId);
      const found: ChunkInfo[] = [];
      for (const name of disk.list(at)) {
        const match = CHUNK.exec(name);
        if (match === null) continue;
        const seal = await readSeal(disk, join(at, name));
        found.push({ index: Number(match[1]), ...seal });
      }
      return found;
    },
    async putManifest(recordingId, manifest) {
      folderOf(recordingId);
      await inTurn(recordingId, () => write(recordingId, MANIFEST, manifest));
    },
    async getManifest(recordingId) {
      const read = await readSealed(disk, join(folderOf(recordingId), MANIFEST));
      if (read.ok) return read.bytes;
      if (read.reason === 'corrupt') throw recordingError('RECORDING_MANIFEST_CORRUPT', { recordingId });
      return undefined;
    },
    async list({ limit, before }) {
      checkOpen();
      return disk
        .list(folder)
        .filter((name) => UUID.test(name) && (before === undefined || name < before))
        .sort()
        .toReversed()
        .slice(0, limit);
    },
    async remove(recordingId) {
      const at = folderOf(recordingId);
      await inTurn(recordingId, async () => {
        disk.remove(at);
        disk.syncFolder(folder);
      });
    },
    async close() {
      closed = true;
      await Promise.allSettled(writing.values());
    },
  };
}
