/** The embedded adapters of the ports, opened in the data folder. */
import { join } from 'node:path';
import type { Clock, Random } from '../platform/clock/clock.ts';
import { createOutboxRelay, type OutboxRelay } from '../platform/control-store/outbox-relay.ts';
import type { ControlStore } from '../platform/control-store/control-store.ts';
import { createSqliteControlStore } from '../platform/control-store/sqlite/sqlite-control-store.ts';
import type { Disk } from '../platform/disk/disk.ts';
import { createNodeDisk } from '../platform/disk/node-disk.ts';
import { createEmbeddedEventLog } from '../platform/event-log/embedded/embedded-event-log.ts';
import type { EventLog, LogWriter } from '../platform/event-log/event-log.ts';
import type { Logger } from '../platform/log/log.ts';
import type { Metrics } from '../platform/metrics/metrics.ts';
import type { RecordingStore } from '../platform/recording-store/recording-store.ts';
import { createFolderRecordingStore } from '../platform/recording-store/folder/folder-recording-store.ts';
import { createEmbeddedSearchIndex } from '../platform/search-index/embedded/embedded-search-index.ts';
import type { SearchIndex } from '../platform/search-index/search-index.ts';
import type { Config } from '../schemas/config/config.ts';
import { topicOptions } from './topics.ts';

export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export interface Storage {
  readonly disk: Disk;
  readonly eventLog: EventLog;
  readonly controlStore: ControlStore;
  /** For searches; ingest writes through an index of its own on another thread. */
  readonly searchIndex: SearchIndex;
  readonly recordingStore: RecordingStore;
  readonly outbox: OutboxRelay;
  close(): Promise<void>;
}

export const indexFile = (config: Config): string => join(config.dataFolder, 'index.sqlite');

export async function openStorage(around: Surroundings, config: Config): Promise<Storage> {
  const { clock, log, metrics } = around;
  const disk = createNodeDisk();
  const closers: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.toReversed()) await closer();
  };
  try {
    const eventLog = createEmbeddedEventLog({ ...around, disk }, config.eventLog);
    closers.push(() => eventLog.close());
    await eventLog.ensureTopics(topicOptions(config.partitionsCount));
    const file = join(config.dataFolder, 'control.sqlite');
    // This process alone has the file: there is nobody else's change to look for.
    const controlStore = await createSqliteControlStore(
      { clock },
      { ...config.controlStore, foreignPollMs: 0, file },
    );
    closers.push(() => controlStore.close());
    const searchIndex = await createEmbeddedSearchIndex({ ...config.searchIndex, file: indexFile(config) });
    closers.push(() => searchIndex.close());
    const recordingStore = createFolderRecordingStore({ disk, log }, config.recordingStore);
    closers.push(() => recordingStore.close());
    const writer: LogWriter = await eventLog.writer(`outbox/${config.gateway.id}`);
    closers.push(() => writer.close());
    const outbox = createOutboxRelay({ store: controlStore, writer, log, clock, metrics });
    outbox.start();
    closers.push(() => outbox.stop());
    return { disk, eventLog, controlStore, searchIndex, recordingStore, outbox, close };
  } catch (error) {
    await close();
    throw error;
  }
}
