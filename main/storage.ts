/** The ports of a process with the gateway, opened on the adapters that the configuration names. */
import type { Clock, Random } from '../platform/clock/clock.ts';
import { createOutboxRelay, type OutboxRelay } from '../platform/control-store/outbox-relay.ts';
import type { ControlStore } from '../platform/control-store/control-store.ts';
import { createSharedOutboxRelay } from '../platform/control-store/shared-outbox-relay.ts';
import type { ChunkWriter } from '../gateway/recording/chunk-writer.ts';
import type { Disk } from '../platform/disk/disk.ts';
import { createNodeDisk } from '../platform/disk/node-disk.ts';
import type { EventLog } from '../platform/event-log/event-log.ts';
import type { Logger } from '../platform/log/log.ts';
import type { Metrics } from '../platform/metrics/metrics.ts';
import type { RecordingStore } from '../platform/recording-store/recording-store.ts';
import { createFolderRecordingStore } from '../platform/recording-store/folder/folder-recording-store.ts';
import type { SearchIndex } from '../platform/search-index/search-index.ts';
import type { Config } from '../schemas/config/config.ts';
import { createOwnSecretReader } from './adapters/adapter-deps.ts';
import { openControlStore } from './adapters/control-store.ts';
import { openEventLog } from './adapters/event-log.ts';
import { openSearchIndex } from './adapters/search-index.ts';
import { createThreadedChunkWriter } from './threads/threaded-chunk-writer.ts';
import { watchStrangers, type StrangersWatch } from './strangers.ts';
import type { Environment } from './config.ts';

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
  /** Undefined: recordings are written on the main thread, through the store here. */
  readonly recordingWriter: ChunkWriter | undefined;
  readonly outbox: OutboxRelay;
  close(): Promise<void>;
}

/** A store of several gateways has one relay at a time for all of them; a file of this machine has its own. */
async function createOutbox(
  deps: Surroundings & { readonly store: ControlStore; readonly eventLog: EventLog },
  config: Config,
): Promise<OutboxRelay> {
  const name = config.gateway.id;
  if (config.controlStore.kind === 'postgres') return createSharedOutboxRelay(deps, { name });
  const writer = await deps.eventLog.writer(`outbox/${name}`);
  const relay = createOutboxRelay({ ...deps, writer });
  return {
    ...relay,
    async stop() {
      await relay.stop();
      await writer.close();
    },
  };
}

/** A file as control store and a log that others can reach: nobody else may be there. */
const lookForStrangers = async (
  around: Surroundings,
  eventLog: EventLog,
  { eventLog: { kind }, controlStore, gateway }: Config,
): Promise<StrangersWatch | undefined> =>
  kind === 'kafka' && controlStore.kind === 'sqlite'
    ? watchStrangers({ ...around, eventLog }, { gatewayId: gateway.id, heartbeatMs: gateway.heartbeatMs })
    : undefined;

/** `environment`: where secrets of the adapters come from; the process's own where absent. */
export async function openStorage(
  around: Surroundings & { readonly environment?: Environment },
  config: Config,
): Promise<Storage> {
  const { log } = around;
  const deps = { ...around, readSecret: createOwnSecretReader(around.environment ?? process.env) };
  const disk = createNodeDisk();
  const closers: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.toReversed()) await closer();
  };
  try {
    const eventLog = await openEventLog(deps, config);
    closers.push(() => eventLog.close());
    const controlStore = await openControlStore(deps, config);
    closers.push(() => controlStore.close());
    const strangers = await lookForStrangers(around, eventLog, config);
    closers.push(() => strangers?.stop());
    const searchIndex = await openSearchIndex(deps, config);
    closers.push(() => searchIndex.close());
    const recordingStore = createFolderRecordingStore({ disk, log }, config.recordingStore);
    closers.push(() => recordingStore.close());
    const { recordingFolder, recordingLocalBytesMax } = config.gateway;
    const recordingWriter = createThreadedChunkWriter(around, {
      local: { recordingFolder, recordingLocalBytesMax },
      store: config.recordingStore,
    });
    const outbox = await createOutbox({ ...around, store: controlStore, eventLog }, config);
    outbox.start();
    closers.push(() => outbox.stop());
    const health = (): ReturnType<OutboxRelay['health']> => {
      const reason = strangers?.problem();
      return reason === undefined ? outbox.health() : { ready: false, reason };
    };
    return {
      disk,
      eventLog,
      controlStore,
      searchIndex,
      recordingStore,
      recordingWriter,
      outbox: { ...outbox, health },
      close,
    };
  } catch (error) {
    await close().catch((second: unknown) => log.error({ error: second }, 'the storage did not close'));
    throw error;
  }
}
