/** Control store on one SQLite file (WAL, synchronous=FULL): for one machine. */
import type { ControlStoreConfig } from '../../../schemas/config/control-store.ts';
import type { Clock } from '../../clock/clock.ts';
import { createWorkerClient, workerModule } from '../../worker-thread/worker-client.ts';
import type { ControlStore } from '../control-store.ts';
import type { ControlDriver } from '../driver.ts';
import { createDrivenControlStore } from '../driven-control-store.ts';
import { controlStoreError, definitions } from '../errors.ts';
import { SqliteCore } from './sqlite-core.ts';

export type SqliteControlStoreConfig = Omit<ControlStoreConfig, 'kind' | 'postgres'> & {
  /** Absolute path of the database. */
  readonly file: string;
};

const CALLS_MAX = 20_000;

/** Opens (and creates) the store behind a worker thread. Rejects with CONTROL_STORE_UNAVAILABLE or CONTROL_STORE_VERSION. */
export async function createSqliteControlStore(
  { clock }: { clock: Clock },
  config: SqliteControlStoreConfig,
): Promise<ControlStore> {
  const worker = createWorkerClient({
    module: workerModule('sqlite-worker', import.meta.url),
    data: {
      file: config.file,
      busyTimeoutMs: config.busyTimeoutMs,
      outboxEntriesMax: config.outboxEntriesMax,
    },
    callsMax: CALLS_MAX,
    revive: ({ code, details, message }) =>
      code !== null && code in definitions
        ? controlStoreError(code as keyof typeof definitions, details)
        : controlStoreError('CONTROL_STORE_UNAVAILABLE', { reason: message }),
    unavailable: (reason) => controlStoreError('CONTROL_STORE_UNAVAILABLE', { reason }),
  });
  const call =
    <R>(method: string) =>
    (...args: readonly unknown[]): Promise<R> =>
      worker.call(method, ...args) as Promise<R>;
  try {
    await worker.call('open');
  } catch (error) {
    await worker.close();
    throw error;
  }
  const reads = createReads(config, call);
  const driver: ControlDriver = {
    ...reads,
    commit: call('commit'),
    acknowledgeOutbox: call('acknowledgeOutbox'),
    async close() {
      reads.close();
      await worker.close();
    },
  };
  return createDrivenControlStore({ clock, driver }, config);
}

type Reads = Omit<ControlDriver, 'commit' | 'acknowledgeOutbox' | 'close'>;

/**
 * Reads over a second connection in this thread: some microseconds each, where a question to the worker and back costs two
 * wake-ups, and a lockout asks a dozen of them while an attacker's statement runs. A database in memory has one connection only.
 */
function createReads(
  config: SqliteControlStoreConfig,
  call: <R>(method: string) => (...args: readonly unknown[]) => Promise<R>,
): Reads & { close(): void } {
  if (config.file === ':memory:')
    return {
      get: call('get'),
      list: call('list'),
      revision: call('revision'),
      outbox: call('outbox'),
      lastPublished: call('lastPublished'),
      close: () => undefined,
    };
  const core = new SqliteCore({ ...config, readOnly: true });
  return {
    get: async (collection, id) => core.get(collection, id),
    list: async (collection, options) => core.list(collection, options),
    revision: async () => core.revision(),
    outbox: async (limit) => core.outbox(limit),
    lastPublished: async () => core.lastPublished(),
    close: () => core.close(),
  };
}

/** The same store without a thread, for the simulator: deterministic, and it blocks. */
export function createInProcessControlStore(
  { clock }: { clock: Clock },
  config: SqliteControlStoreConfig,
): ControlStore {
  const core = new SqliteCore(config);
  const driver: ControlDriver = {
    get: async (collection, id) => core.get(collection, id),
    list: async (collection, options) => core.list(collection, options),
    revision: async () => core.revision(),
    commit: async (base, writes, published, flush) => core.commit(base, writes, published, flush),
    outbox: async (limit) => core.outbox(limit),
    acknowledgeOutbox: async (sequence) => core.acknowledgeOutbox(sequence),
    lastPublished: async () => core.lastPublished(),
    close: async () => core.close(),
  };
  return createDrivenControlStore({ clock, driver }, config);
}
