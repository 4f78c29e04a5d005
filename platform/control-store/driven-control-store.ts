/** The control store over a driver: one transaction at a time in this process, optimistic against other processes. */
import type { Clock } from '../clock/clock.ts';
import { isCountersignError } from '../errors/errors.ts';
import { BOUNDS, checkCollection, checkList, idBytes } from './bounds.ts';
import type { ControlStore, ControlTransaction, JsonObject, ListOptions } from './control-store.ts';
import type { ControlDriver } from './driver.ts';
import { controlStoreError, definitions } from './errors.ts';
import { createOverlayTransaction, parseEntry } from './overlay-transaction.ts';
import { createPublicationWatch } from './publication-watch.ts';
import { within } from './within.ts';

export interface DrivenControlStoreConfig {
  /** A transaction that takes longer is rolled back, milliseconds. */
  readonly transactionTimeoutMs: number;
  /** Transactions that may wait. */
  readonly transactionsWaitingMax: number;
  /** How often other processes' publications are looked for, milliseconds; 0 where there are none. */
  readonly foreignPollMs: number;
}

const ATTEMPTS_MAX = 50;

export function createDrivenControlStore(
  { clock, driver }: { clock: Clock; driver: ControlDriver },
  config: DrivenControlStoreConfig,
): ControlStore {
  const watch = createPublicationWatch(clock, () => driver.lastPublished(), config.foreignPollMs);
  let tail: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  const attempt = async <R>(
    work: (transaction: ControlTransaction) => Promise<R>,
    flush: boolean,
  ): Promise<{ result: R } | undefined> => {
    const base = await driver.revision();
    const transaction = createOverlayTransaction(driver, () => base + 1);
    try {
      const result = await within(clock, config.transactionTimeoutMs, work(transaction));
      transaction.end();
      const { writes, published } = transaction;
      if (writes.length === 0 && published.length === 0)
        return (await driver.revision()) === base ? { result } : undefined;
      const outcome = await driver.commit(base, writes, published, flush);
      if (!outcome.committed) return undefined;
      // Not from here: what a callback throws must not make a committed transaction look failed.
      if (published.length > 0) queueMicrotask(watch.notify);
      return { result };
    } catch (error) {
      transaction.end();
      // What was read from several revisions may have misled the work: it gets another chance on a consistent view.
      const isOurs = isCountersignError(error) && error.code in definitions;
      if (!isOurs && (await driver.revision()) !== base) return undefined;
      throw error;
    }
  };

  const run = async <R>(
    work: (transaction: ControlTransaction) => Promise<R>,
    flush: boolean,
  ): Promise<R> => {
    for (let attempts = 0; attempts < ATTEMPTS_MAX; attempts += 1) {
      const done = await attempt(work, flush);
      if (done !== undefined) return done.result;
    }
    throw controlStoreError('CONTROL_STORE_CONFLICT', { attempts: ATTEMPTS_MAX });
  };

  return {
    transact(work, { flush = true } = {}) {
      if (waiting >= config.transactionsWaitingMax)
        return Promise.reject(
          controlStoreError('CONTROL_STORE_BUSY', { max: config.transactionsWaitingMax }),
        );
      waiting += 1;
      const result = tail.then(() => run(work, flush));
      tail = result.catch(() => undefined).finally(() => (waiting -= 1));
      return result;
    },
    async get(collection, id) {
      checkCollection(collection);
      idBytes(id);
      const entry = await driver.get(collection, id);
      return entry === undefined ? undefined : parseEntry(entry);
    },
    async list<T extends JsonObject>(collection: string, options: ListOptions) {
      checkCollection(collection);
      checkList(options);
      return (await driver.list(collection, options)).map((entry) => parseEntry<T>(entry));
    },
    revision: () => driver.revision(),
    outbox: async (limit) => driver.outbox(Math.max(1, Math.min(BOUNDS.listMax, limit))),
    acknowledgeOutbox: (sequence) => driver.acknowledgeOutbox(sequence),
    onPublished: (callback) => watch.add(callback),
    async close() {
      watch.stop();
      await tail;
      await driver.close();
    },
  };
}
