/**
 * Transactions over an optimistic commit. The work reads what is committed and collects its writes; one statement then asks under the
 * lock that orders commits whether all that was read is still so, and writes. So it is serialisable, in the order of revisions, and a
 * process that hangs or is cut off holds nothing. Where something has changed, the work runs again.
 */
import type { Clock } from '../../clock/clock.ts';
import { isCountersignError } from '../../errors/errors.ts';
import type { Counter } from '../../metrics/metrics.ts';
import type { ControlTransaction } from '../control-store.ts';
import { controlStoreError, definitions } from '../errors.ts';
import { createOverlayTransaction, type OverlayTransaction } from '../overlay-transaction.ts';
import { within } from '../within.ts';
import type { Caller } from './caller.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { unavailable } from './failures.ts';
import type { Reads } from './reads.ts';
import type { Statements } from './statements.ts';
import { createTrackedReads, type TrackedReads } from './tracked-reads.ts';

/** One transaction at a time: the name under which its commits can be asked for, and their number. */
export interface Lane {
  readonly writer: string;
  sequence: number;
  /** Runs it when no other lane of this process does so: those that lost a race shall not go on racing each other. */
  inTurn<R>(work: () => Promise<R>): Promise<R>;
}

export interface TransactionDeps {
  readonly clock: Clock;
  readonly statements: Statements;
  readonly pool: ConnectionPool;
  readonly caller: Caller;
  readonly reads: Reads;
  /** Last revision that this process has seen. */
  readonly last: { get(): number; see(revision: number): void };
  readonly onPublished: () => void;
  readonly conflicts: Counter;
  /** Commits whose answer was lost. */
  readonly inDoubt: Counter;
}

export interface TransactionsConfig {
  readonly transactionTimeoutMs: number;
  readonly outboxEntriesMax: number;
}

const ATTEMPTS_MAX = 200;
type Outcome = 'committed' | 'conflict' | 'outbox_full' | 'fenced';
type Work<R> = (transaction: ControlTransaction) => Promise<R>;

export function createTransactions(deps: TransactionDeps, config: TransactionsConfig) {
  const { clock, statements, pool, caller, last } = deps;

  /** Whether that commit is there; rejects where nobody says so in time. */
  const resolve = async ({ writer, sequence }: Lane, untilUs: number): Promise<boolean> => {
    deps.inDoubt.add();
    try {
      const [row] = await caller.repeat(statements.resolve, [writer, sequence], untilUs);
      return row?.[0] !== null;
    } catch (error) {
      throw controlStoreError('CONTROL_STORE_OUTCOME_UNKNOWN', {}, error);
    }
  };

  const commit = async (
    lane: Lane,
    values: readonly unknown[],
    flush: boolean,
    untilUs: number,
  ): Promise<Outcome> => {
    const statement = flush ? statements.commit : statements.quickCommit;
    for (let attempt = 0; ; attempt += 1) {
      lane.sequence += 1;
      const answer = await pool.run(statement, [lane.writer, lane.sequence, ...values]);
      if (answer.ok) {
        const [outcome, revision] = answer.rows[0] as [Outcome, string];
        last.see(Number(revision));
        return outcome;
      }
      const { failure, sent } = answer;
      if (failure.kind === 'final') throw failure.error;
      // As long again as the work had: whoever waits wants to know, and mostly the server is back soon.
      if (
        failure.kind === 'lost' &&
        sent &&
        (await resolve(lane, untilUs + config.transactionTimeoutMs * 1000))
      )
        return 'committed';
      if (!(await caller.pause(attempt, untilUs))) throw unavailable(failure.error);
    }
  };

  const holds = async (
    reads: TrackedReads,
    expected: number | undefined,
    untilUs: number,
  ): Promise<boolean> => {
    const [row] = await caller.repeat(statements.unchanged, reads.seen(), untilUs);
    const revision = Number(row?.[1]);
    last.see(revision);
    return row?.[0] === true && (expected === undefined || expected === revision);
  };

  const attempt = async <R>(
    lane: Lane,
    work: Work<R>,
    flush: boolean,
    untilUs: number,
  ): Promise<{ result: R } | undefined> => {
    const reads = createTrackedReads(deps.reads);
    let expected: number | undefined;
    // As late as possible: only a transaction that writes its own revision somewhere must be the very next one.
    const transaction: OverlayTransaction = createOverlayTransaction(
      reads,
      () => (expected ??= last.get()) + 1,
    );
    let result: R;
    try {
      result = await within(clock, config.transactionTimeoutMs, work(transaction));
    } catch (error) {
      transaction.end();
      // What was read from several revisions may have misled the work: it gets another chance on a consistent view.
      const isOurs = isCountersignError(error) && error.code in definitions;
      if (!isOurs && reads.count() > 1 && !(await holds(reads, expected, untilUs))) return undefined;
      throw error;
    }
    transaction.end();
    const { writes, published } = transaction;
    if (writes.length === 0 && published.length === 0) {
      if (reads.count() <= 1 && expected === undefined) return { result };
      return (await holds(reads, expected, untilUs)) ? { result } : undefined;
    }
    const outcome = await commit(
      lane,
      [
        expected ?? null,
        flush,
        config.outboxEntriesMax,
        ...reads.seen(),
        writes.map(({ collection }) => collection),
        writes.map(({ id }) => Buffer.from(id)),
        writes.map(({ text }) => text),
        published.map(({ topic }) => topic),
        published.map(({ key }) => Buffer.from(key)),
        published.map(({ value }) => (value === null ? null : Buffer.from(value))),
      ],
      flush,
      untilUs,
    );
    if (outcome === 'outbox_full')
      throw controlStoreError('CONTROL_STORE_OUTBOX_FULL', { max: config.outboxEntriesMax });
    if (outcome !== 'committed') return undefined;
    // Not from here: what a callback throws must not make a committed transaction look failed.
    if (published.length > 0) queueMicrotask(deps.onPublished);
    return { result };
  };

  return async <R>(lane: Lane, work: Work<R>, flush: boolean): Promise<R> => {
    const once = (): Promise<{ result: R } | undefined> =>
      attempt(lane, work, flush, clock.monotonicUs() + config.transactionTimeoutMs * 1000);
    for (let attempts = 0; attempts < ATTEMPTS_MAX; attempts += 1) {
      const done = await (attempts === 0 ? once() : lane.inTurn(once));
      if (done !== undefined) return done.result;
      deps.conflicts.add();
    }
    throw controlStoreError('CONTROL_STORE_CONFLICT', { attempts: ATTEMPTS_MAX });
  };
}
