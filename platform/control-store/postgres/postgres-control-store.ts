/** Control store on PostgreSQL 14 or later: for several gateways, and for roles on several machines. */
import type { PostgresStoreConfig } from '../../../schemas/config/control-store-postgres.ts';
import type { SecretReference } from '../../../schemas/config/secret.ts';
import type { Clock, Random } from '../../clock/clock.ts';
import type { Logger } from '../../log/log.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { BOUNDS, checkCollection, checkList, idBytes } from '../bounds.ts';
import type { ControlStore, JsonObject, ListOptions, OutboxEntry } from '../control-store.ts';
import { parseEntry } from '../overlay-transaction.ts';
import { createPublicationWatch, type PublicationWatch } from '../publication-watch.ts';
import { createCaller } from './caller.ts';
import { createConnector } from './connect.ts';
import { createConnectionPool } from './connection-pool.ts';
import { failureOf, unavailable } from './failures.ts';
import { createLanes } from './lanes.ts';
import { layOut } from './lay-out.ts';
import { createListener, presenceKey } from './listener.ts';
import { createReads } from './reads.ts';
import type { Row, Statement } from './statement.ts';
import { statementsOf } from './statements.ts';
import { createTransactions } from './transactions.ts';

export interface PostgresStoreDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Reads the password; it must not need the vault, which stands in this store. */
  readonly readSecret: (reference: SecretReference) => Promise<string>;
}

const OPEN_RETRY_MS = 250;

/** A server that starts just now is waited for. */
async function opening<R>(clock: Clock, timeoutMs: number, work: () => Promise<R>): Promise<R> {
  const untilUs = clock.monotonicUs() + timeoutMs * 1000;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'final') throw failure.error;
      if (clock.monotonicUs() + OPEN_RETRY_MS * 1000 >= untilUs) throw unavailable(failure.error);
    }
    await clock.sleep(OPEN_RETRY_MS);
  }
}

/**
 * Connects, makes the tables where they are absent, and serves. Rejects with CONTROL_STORE_UNAVAILABLE, _REFUSED, _CERTIFICATE, _RIGHTS,
 * _CONFIG or _VERSION. Later it reconnects by itself; calls wait for that up to `transactionTimeoutMs`.
 */
export async function createPostgresControlStore(
  deps: PostgresStoreDeps,
  config: PostgresStoreConfig,
): Promise<ControlStore> {
  const { clock, random, log, metrics } = deps;
  const connect = createConnector(deps, config);
  const stopping = new AbortController();
  const process = random.bytes(16).toString('hex');
  let watch: PublicationWatch | undefined;
  const listener = await opening(clock, config.transactionTimeoutMs, async () => {
    const first = await connect();
    try {
      await layOut(first, config);
    } finally {
      await first.end();
    }
    return createListener({ clock, log, connect }, { schema: config.schema, presence: process }, () =>
      watch?.notify(),
    );
  });
  const lost = metrics.counter(
    'countersign_control_store_connections_lost_total',
    'Connections that were lost.',
  );
  const pool = createConnectionPool(connect, { ...config, onLost: () => lost.add() });
  const caller = createCaller({ clock, pool, stopping: stopping.signal });
  const statements = statementsOf(config.schema);
  let lastSeen = 0;
  const see = (revision: number): void => {
    lastSeen = Math.max(lastSeen, revision);
  };
  const ask = (statement: Statement, values: readonly unknown[]): Promise<Row[]> =>
    caller.repeat(statement, values, clock.monotonicUs() + config.transactionTimeoutMs * 1000);
  const reads = createReads(statements, async (statement, values) => {
    const rows = await ask(statement, values);
    see(Number(rows[0]?.[0] ?? 0));
    return rows;
  });
  const state = async (): Promise<{ revision: number; published: number }> => {
    const [row] = await ask(statements.state, []);
    const revision = Number(row?.[0]);
    see(revision);
    return { revision, published: Number(row?.[1]) };
  };
  const published = createPublicationWatch(
    clock,
    async () => (await state()).published,
    config.foreignPollMs,
  );
  watch = published;
  const transact = createTransactions(
    {
      clock,
      statements,
      pool,
      caller,
      reads,
      last: { get: () => lastSeen, see },
      onPublished: published.notify,
      conflicts: metrics.counter(
        'countersign_control_store_conflicts_total',
        'Transactions that ran again because another one was faster.',
      ),
      inDoubt: metrics.counter(
        'countersign_control_store_in_doubt_total',
        'Commits whose answer was lost with the connection, so that the store was asked what became of them.',
      ),
    },
    config,
  );
  const waitingMax = config.callsWaitingMax;
  const lanes = createLanes(process, { lanesMax: config.transactionsMax, waitingMax });
  // Leases must not wait behind what others have queued up.
  const unflushed = createLanes(`${process}/unflushed`, { lanesMax: 1, waitingMax });

  return {
    presence: {
      id: process,
      async isGone(id) {
        const [row] = await ask(statements.free, [presenceKey(id)]);
        return row?.[0] === true;
      },
    },
    transact: (work, { flush = true } = {}) =>
      (flush ? lanes : unflushed).run((lane) => transact(lane, work, flush)),
    async get(collection, id) {
      checkCollection(collection);
      idBytes(id);
      const { value } = await reads.get(collection, id);
      return value === undefined ? undefined : parseEntry(value);
    },
    async list<T extends JsonObject>(collection: string, options: ListOptions) {
      checkCollection(collection);
      checkList(options);
      return (await reads.list(collection, options)).value.map((entry) => parseEntry<T>(entry));
    },
    revision: async () => (await state()).revision,
    async outbox(limit) {
      const rows = await ask(statements.outbox, [Math.max(1, Math.min(BOUNDS.listMax, limit))]);
      return rows.map(([sequence, topic, key, value]): OutboxEntry => ({
        sequence: Number(sequence),
        topic: topic as string,
        key: (key as Buffer).toString(),
        value: value as Buffer | null,
      }));
    },
    async acknowledgeOutbox(sequence) {
      await ask(statements.acknowledge, [sequence]);
    },
    onPublished: (callback) => published.add(callback),
    async close() {
      published.stop();
      await Promise.all([lanes.idle(), unflushed.idle()]);
      stopping.abort();
      await listener.close();
      await pool.close();
    },
  };
}
