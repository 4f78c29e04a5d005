/** The real adapters behind switches: what an operator sees when a store or the log is away. */
import type { ControlStore } from '../../../platform/control-store/control-store.ts';
import { controlStoreError } from '../../../platform/control-store/errors.ts';
import type { Disk, DiskFile } from '../../../platform/disk/disk.ts';
import { eventLogError } from '../../../platform/event-log/errors.ts';
import type { EventLog } from '../../../platform/event-log/event-log.ts';
import { recordingError } from '../../../platform/recording-store/errors.ts';
import type { RecordingStore } from '../../../platform/recording-store/recording-store.ts';

export interface Switches {
  eventLogAway: boolean;
  controlStoreAway: boolean;
  recordingStoreAway: boolean;
  /** The disk under spool, journal and recordings takes nothing more. */
  diskFull: boolean;
  /** Consumers of groups that start so get nothing and say nothing. */
  deafGroup: string | undefined;
}

export interface FaultyEventLog extends EventLog {
  /** Every consumer and reader that is open now fails, as when a broker goes. */
  failFollowers(): void;
}

export function faultyEventLog(log: EventLog, switches: Switches): FaultyEventLog {
  const followers = new Set<(error: unknown) => void>();
  const gone = (): Error =>
    eventLogError('EVENT_LOG_DISK_FAILED', { topic: 'all', reason: 'away in a test' });
  const check = (): void => {
    if (switches.eventLogAway) throw gone();
  };
  const guard = async <R>(work: () => Promise<R>): Promise<R> => {
    check();
    return work();
  };
  const followed = <C extends { close(): Promise<void> }>(
    follower: C,
    onFailure: (error: unknown) => void,
  ): C => {
    followers.add(onFailure);
    return {
      ...follower,
      close() {
        followers.delete(onFailure);
        return follower.close();
      },
    };
  };
  /** Nothing is delivered while the log is away. */
  const delivery = async (group = ''): Promise<void> => {
    const deaf = (): boolean => switches.deafGroup !== undefined && group.startsWith(switches.deafGroup);
    while (switches.eventLogAway || deaf()) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  return {
    ensureTopics: (topics) => guard(() => log.ensureTopics(topics)),
    endOffsets: (topic) => guard(() => log.endOffsets(topic)),
    partitions: (topic) => guard(() => log.partitions(topic)),
    partitionOf: (topic, key) => guard(() => log.partitionOf(topic, key)),
    async writer(name) {
      check();
      const writer = await log.writer(name);
      return { ...writer, append: (topic, records) => guard(() => writer.append(topic, records)) };
    },
    async consume(options) {
      check();
      const consumer = await log.consume({
        ...options,
        async onBatch(records, control) {
          await delivery(options.group);
          await options.onBatch(records, {
            commit: (position) => guard(() => control.commit(position)),
          });
        },
      });
      return followed(consumer, options.onFailure);
    },
    async read(options) {
      check();
      const reader = await log.read({
        ...options,
        async onRecords(records) {
          if (switches.eventLogAway) await delivery();
          await options.onRecords(records);
        },
      });
      return followed(reader, options.onFailure);
    },
    close: () => log.close(),
    failFollowers() {
      for (const fail of followers) {
        followers.delete(fail);
        fail(gone());
      }
    },
  };
}

export function faultyControlStore(store: ControlStore, switches: Switches): ControlStore {
  const guard = async <R>(work: () => Promise<R>): Promise<R> => {
    if (switches.controlStoreAway)
      throw controlStoreError('CONTROL_STORE_UNAVAILABLE', { reason: 'away in a test' });
    return work();
  };
  return {
    transact: (work) => guard(() => store.transact(work)),
    get: (collection, id) => guard(() => store.get(collection, id)),
    list: (collection, options) => guard(() => store.list(collection, options)),
    revision: () => guard(() => store.revision()),
    outbox: (limit) => guard(() => store.outbox(limit)),
    acknowledgeOutbox: (sequence) => guard(() => store.acknowledgeOutbox(sequence)),
    onPublished: (callback) => store.onPublished(callback),
    close: () => store.close(),
  };
}

export function faultyRecordingStore(store: RecordingStore, switches: Switches): RecordingStore {
  const guard = async <R>(id: string, work: () => Promise<R>): Promise<R> => {
    if (switches.recordingStoreAway) throw recordingError('RECORDING_STORE_FULL', { recordingId: id });
    return work();
  };
  return {
    putChunk: (id, index, bytes) => guard(id, () => store.putChunk(id, index, bytes)),
    putManifest: (id, manifest) => guard(id, () => store.putManifest(id, manifest)),
    getChunk: (id, index) => guard(id, () => store.getChunk(id, index)),
    getManifest: (id) => guard(id, () => store.getManifest(id)),
    chunks: (id) => guard(id, () => store.chunks(id)),
    list: (options) => store.list(options),
    remove: (id) => store.remove(id),
    close: () => store.close(),
  };
}

export function faultyDisk(disk: Disk, switches: Switches): Disk {
  const check = (): void => {
    if (switches.diskFull)
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
  const wrap = (file: DiskFile): DiskFile => ({
    size: () => file.size(),
    append(bytes) {
      check();
      file.append(bytes);
    },
    async appendAll(pieces) {
      check();
      await file.appendAll(pieces);
    },
    read: (position, length) => file.read(position, length),
    readSync: (position, length) => file.readSync(position, length),
    flush: () => file.flush(),
    flushSync: () => file.flushSync(),
    truncate: (length) => file.truncate(length),
    close: () => file.close(),
  });
  return { ...disk, open: (path) => wrap(disk.open(path)) };
}
