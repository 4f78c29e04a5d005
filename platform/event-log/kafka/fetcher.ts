/**
 * Keeps one fetch open at each broker that leads a partition of ours; it is answered as soon as something comes. A partition that has
 * enough fetched ahead is left out, and then the fetch is a short one, so that it is soon part of the next.
 */
import type { KafkaConfig } from '../../../schemas/config/kafka.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Logger } from '../../log/log.ts';
import { eventLogError } from '../errors.ts';
import { createChannels } from './channels.ts';
import type { Cluster } from './cluster.ts';
import { asEventLogError } from './failures.ts';
import type { FetchLane } from './fetch-lane.ts';
import { offsetsAt } from './offsets.ts';
import {
  CODE,
  isLeaderMoved,
  isRetriable,
  KafkaAnswerError,
  KafkaConnectionError,
} from './wire/error-codes.ts';
import { fetchRecords, type FetchedPartition } from './wire/fetch.ts';
import { readBatches } from './wire/record-batch-reader.ts';

export interface Fetcher {
  add(lanes: Iterable<FetchLane>): void;
  remove(lanes: Iterable<FetchLane>): void;
  /** A lane has become hungry again. */
  wake(): void;
  close(): void;
}

const SHORT_WAIT_MS = 10;
const AGAIN_MS_FIRST = 10;
const AGAIN_MS_MAX = 500;
/** What a batch may unpack to. */
const BATCH_BYTES_MAX = 128 * 1024 * 1024;

export function createFetcher(
  deps: { readonly cluster: Cluster; readonly clock: Clock; readonly log: Logger },
  config: KafkaConfig,
): Fetcher {
  const { cluster, clock, log } = deps;
  const channels = createChannels(cluster.transport);
  const lanes = new Set<FetchLane>();
  const running = new Set<number>();
  const closing = new AbortController();
  /** Fetches that wait for a hungry lane: one per leader at most. */
  let resting: (() => void)[] = [];
  const username = config.login?.username ?? '';
  let looking = false;
  let turned = 0;
  const wake = (): void => {
    const all = resting;
    resting = [];
    for (const resolve of all) resolve();
  };

  const leaderOf = (lane: FetchLane): number => cluster.leaderOf(lane.kafkaTopic, lane.partition);
  const closed = (): boolean => closing.signal.aborted;

  /** Starts what is missing: a fetch at each leader, and a search for leaders that are not known. */
  const kick = (): void => {
    if (closed()) return;
    for (const lane of lanes) {
      const leader = leaderOf(lane);
      if (leader < 0) lookAgain();
      else if (!running.has(leader)) {
        running.add(leader);
        pump(leader)
          .catch((error: unknown) => log.error({ error }, 'kafka fetcher failed'))
          .finally(() => {
            running.delete(leader);
            kick();
          });
      }
    }
  };
  const lookAgain = (waitMs = AGAIN_MS_FIRST): void => {
    if (looking || closed()) return;
    looking = true;
    const look = async (): Promise<void> => {
      await clock.sleep(waitMs, closing.signal).catch(() => undefined);
      if (closed()) return;
      const topics = [...new Set([...lanes].map((lane) => lane.kafkaTopic))];
      await cluster.refresh(topics).catch((error: unknown) => {
        if (error instanceof KafkaConnectionError && error.kind === 'login-refused')
          for (const lane of lanes) lane.fail(asEventLogError(error, username));
      });
    };
    look()
      .finally(() => {
        looking = false;
        if ([...lanes].some((lane) => leaderOf(lane) < 0)) lookAgain(Math.min(AGAIN_MS_MAX, waitMs * 2));
        kick();
      })
      .catch(() => undefined);
  };
  const resetToStart = async (lane: FetchLane): Promise<void> => {
    const { kafkaTopic, topic, partition, position, turn } = lane;
    const start = (await offsetsAt(cluster, channels, kafkaTopic, [partition], 'start')).get(partition)!;
    const end = (await offsetsAt(cluster, channels, kafkaTopic, [partition], 'end')).get(partition)!;
    if (lane.turn !== turn) return;
    // What was asked for is gone by retention, or was never there (a log that lost its end).
    const next = position < start ? start : end;
    log.warn({ topic, partition, asked: position, next }, 'the offset asked for is not in the log');
    lane.seek(next);
  };
  const accept = async (lane: FetchLane, turn: number, found: FetchedPartition): Promise<void> => {
    if (found.code === CODE.NONE) {
      const read = await readBatches(found.batches, lane, lane.position, BATCH_BYTES_MAX);
      if (lane.turn !== turn) return;
      if (read.nextOffset > lane.position) lane.deliver(read.records, read.nextOffset);
      const { topic, partition } = lane;
      for (const one of read.unreadable)
        log.error(
          { error: eventLogError('EVENT_LOG_UNREADABLE', { topic, partition, ...one }) },
          'a batch cannot be unpacked; a record stands for it',
        );
      if (read.fault !== undefined)
        lane.fail(eventLogError('EVENT_LOG_UNREADABLE', { topic, partition, ...read.fault }));
    } else if (found.code === CODE.OFFSET_OUT_OF_RANGE) await resetToStart(lane);
    else if (!isRetriable(found.code))
      lane.fail(asEventLogError(new KafkaAnswerError(found.code, `fetch from ${lane.topic}`), username));
  };
  /** One fetch at a leader. Returns whether leaders have to be looked up again. */
  const fetchOnce = async (leader: number, mine: readonly FetchLane[]): Promise<boolean> => {
    const hungry = mine.filter((lane) => lane.hungry);
    // Turned round each time: a broker fills its answer from the first partition on.
    turned += 1;
    const first = turned % hungry.length;
    const ordered = [...hungry.slice(first), ...hungry.slice(0, first)];
    const turns = new Map(ordered.map((lane) => [lane, lane.turn]));
    const byName = new Map(ordered.map((lane) => [`${lane.kafkaTopic}/${lane.partition}`, lane]));
    const channel = await cluster.channelTo(channels, leader);
    const found = await fetchRecords(
      channel,
      ordered.map(({ kafkaTopic, partition, position }) => ({
        topic: kafkaTopic,
        partition,
        offset: position,
      })),
      {
        waitMs: hungry.length < mine.length ? SHORT_WAIT_MS : config.fetchWaitMsMax,
        bytesMax: config.fetchBytesMax,
        partitionBytesMax: config.partitionBufferBytesMax,
      },
    );
    let moved = false;
    for (const one of found) {
      const lane = byName.get(`${one.topic}/${one.partition}`);
      if (lane === undefined || !lanes.has(lane) || lane.turn !== turns.get(lane)) continue;
      moved ||= isLeaderMoved(one.code);
      await accept(lane, lane.turn, one);
    }
    return moved;
  };
  const pump = async (leader: number): Promise<void> => {
    let waitMs = 0;
    while (!closed()) {
      const mine = [...lanes].filter((lane) => leaderOf(lane) === leader);
      // A partition may have gone to another leader, or have none for now, without an answer that said so: another fetcher asked.
      if (mine.length < lanes.size) kick();
      if (mine.length === 0) return;
      if (!mine.some((lane) => lane.hungry)) {
        await new Promise<void>((resolve) => {
          resting.push(resolve);
        });
        continue;
      }
      let moved: boolean;
      try {
        moved = await fetchOnce(leader, mine);
        waitMs = 0;
      } catch (error) {
        moved = true;
        cluster.distrust(leader, error);
        log.debug({ error, leader }, 'fetch failed');
      }
      if (!moved || closed()) continue;
      waitMs = Math.min(AGAIN_MS_MAX, Math.max(AGAIN_MS_FIRST, waitMs * 2));
      await clock.sleep(waitMs, closing.signal).catch(() => undefined);
      if (closed()) return;
      await cluster.refresh(mine.map((lane) => lane.kafkaTopic)).catch(() => undefined);
    }
  };
  return {
    add(more) {
      for (const lane of more) lanes.add(lane);
      wake();
      kick();
    },
    remove(gone) {
      for (const lane of gone) lanes.delete(lane);
      wake();
    },
    wake,
    close() {
      closing.abort();
      wake();
      channels.close();
    },
  };
}
