import type { Clock } from '../../clock/clock.ts';
import type { Cluster } from './cluster.ts';
import type { Membership } from './membership.ts';
import { CODE, KafkaAnswerError } from './wire/error-codes.ts';
import { commitOffsets, type OffsetOf } from './wire/group.ts';

/** Commits offsets of one member: one request at a time, with all that has come up meanwhile. */
export interface Committer {
  /** Resolves when it, or a later one of the same partition, is committed. */
  commit(offset: OffsetOf): Promise<void>;
  /** Resolves when nothing waits any more, or this time is over. */
  flush(timeoutMs: number): Promise<void>;
  /** The group has gone on without this member: what it would commit now could set back who has its partitions. */
  drop(): void;
}

interface Due {
  offset: OffsetOf;
  readonly resolve: (() => void)[];
  readonly reject: ((error: unknown) => void)[];
}

/** While the brokers are away there is nothing to be done but to wait: what is done stays done. */
const COMMIT_TIMEOUT_MS = 24 * 3_600_000;

export function createCommitter(
  deps: { readonly cluster: Cluster; readonly clock: Clock },
  membership: Membership,
): Committer {
  const { cluster, clock } = deps;
  // One entry per partition at most: max is what the member is assigned.
  let due = new Map<string, Due>();
  let running: Promise<void> | undefined;
  let life = 0;

  const send = (offsets: readonly OffsetOf[], born: number): Promise<void> =>
    cluster.call(async () => {
      if (born !== life) throw new KafkaAnswerError(CODE.UNKNOWN_MEMBER_ID, 'commit');
      try {
        await commitOffsets(await membership.coordinator(), membership.identity(), offsets);
      } catch (error) {
        if (!(error instanceof KafkaAnswerError)) throw error;
        // Between join and sync, or joining: with the next generation it will be taken.
        if (error.code === CODE.REBALANCE_IN_PROGRESS || error.code === CODE.ILLEGAL_GENERATION)
          throw new KafkaAnswerError(CODE.COORDINATOR_LOAD_IN_PROGRESS, error.message);
        membership.forgetCoordinator();
        throw error;
      }
    }, COMMIT_TIMEOUT_MS);
  const run = async (): Promise<void> => {
    while (due.size > 0) {
      const batch = [...due.values()];
      due = new Map();
      try {
        await send(
          batch.map(({ offset }) => offset),
          life,
        );
        for (const one of batch) for (const resolve of one.resolve) resolve();
      } catch (error) {
        for (const one of batch) for (const reject of one.reject) reject(error);
      }
    }
  };
  return {
    commit: (offset) =>
      new Promise((resolve, reject) => {
        const name = `${offset.topic}/${offset.partition}`;
        const one = due.get(name);
        if (one === undefined) due.set(name, { offset, resolve: [resolve], reject: [reject] });
        else {
          one.offset = offset;
          one.resolve.push(resolve);
          one.reject.push(reject);
        }
        running ??= run().finally(() => {
          running = undefined;
        });
      }),
    async flush(timeoutMs) {
      if (running === undefined) return;
      const done = new AbortController();
      await Promise.race([running, clock.sleep(timeoutMs, done.signal).catch(() => undefined)]);
      done.abort();
    },
    drop() {
      life += 1;
    },
  };
}
