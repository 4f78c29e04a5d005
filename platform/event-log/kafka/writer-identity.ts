/**
 * Fencing. A writer's name is a transactional id: opening it raises its epoch at the broker that keeps it, and the leader of a partition
 * refuses every batch of an older epoch once it has seen the newer one. So that it sees it at once, and not only with the new
 * writer's first record there, each writer keeps a transaction open that holds the names of all partitions it writes to and nothing
 * else: taking the name over aborts it, and the abort is written to exactly these partitions, at the new epoch, before the new
 * writer is ready. Records themselves belong to no transaction, so nobody waits for it and appending costs nothing more
 * (docs/decisions/0008-kafka-client.md).
 */
import type { Clock } from '../../clock/clock.ts';
import { isCountersignError } from '../../errors/errors.ts';
import type { Logger } from '../../log/log.ts';
import { eventLogError } from '../errors.ts';
import type { Channels } from './channels.ts';
import type { Cluster } from './cluster.ts';
import { isFenced, KafkaAnswerError } from './wire/error-codes.ts';
import {
  abortTransaction,
  addPartitions,
  initProducerId,
  type ProducerIdentity,
} from './wire/transactions.ts';

/** Brokers end transactions that stay open longer, and fence who held them; 15 min is the most they allow as they come. */
const TRANSACTION_MS_MAX = 600_000;
/** Ended and begun again long before that. */
const RENEW_MS = 200_000;

export interface WriterIdentity extends ProducerIdentity {
  /** Puts all partitions of a topic under the fence; once per topic, before its first record. Errors: EVENT_LOG_FENCED. */
  claim(topic: string): Promise<void>;
  close(): void;
}

export interface IdentityDeps {
  readonly cluster: Cluster;
  readonly channels: Channels;
  readonly clock: Clock;
  readonly log: Logger;
  /** A takeover waits for the leaders of all partitions under the fence, one of which may just be elected. */
  readonly timeoutMs: number;
}

/** Takes a name over. `onFenced` is called where somebody else is found to have taken it since. */
export async function openIdentity(
  deps: IdentityDeps,
  transactionalId: string,
  writer: string,
  onFenced: () => void,
): Promise<WriterIdentity> {
  const { cluster, channels, clock, log } = deps;
  const claimed = new Set<string>();
  const ask = <T>(
    question: (channel: Awaited<ReturnType<Cluster['anyChannel']>>) => Promise<T>,
  ): Promise<T> =>
    cluster.call(async () => {
      try {
        return await question(await cluster.coordinator(channels, 'transaction', transactionalId));
      } catch (error) {
        if (!(error instanceof KafkaAnswerError) || !isFenced(error.code)) throw error;
        onFenced();
        throw eventLogError('EVENT_LOG_FENCED', { writer });
      }
    }, deps.timeoutMs);
  const identity = await ask((channel) => initProducerId(channel, transactionalId, TRANSACTION_MS_MAX));

  const add = async (topic: string): Promise<void> => {
    const partitions = await cluster.partitions(topic);
    const numbers = partitions.map(({ partition }) => partition);
    await ask((channel) => addPartitions(channel, transactionalId, identity, topic, numbers));
  };
  let turn: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  };
  const renew = async (): Promise<void> => {
    if (claimed.size === 0) return;
    await ask((channel) => abortTransaction(channel, transactionalId, identity));
    for (const topic of claimed) await add(topic);
  };
  const renewal = clock.every(RENEW_MS, () => {
    inTurn(renew).catch((error: unknown) => {
      // Tried again in time: brokers wait three times as long.
      if (!isCountersignError(error, 'EVENT_LOG_CLOSED'))
        log.warn({ error, writer }, 'the fence of a writer could not be renewed');
    });
  });
  return {
    ...identity,
    claim: (topic) =>
      inTurn(async () => {
        await add(topic);
        claimed.add(topic);
      }),
    close: () => renewal.cancel(),
  };
}
