/**
 * `npm run bench -- stream [--events N]`: what the detectors take from Kafka, as one process and as two, beside a bare kafkajs consumer that
 * does nothing with the same records, in the same run. Then one of two is killed while events trickle in: how long nobody judged.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';
import { attackedHistory } from '../detectors/test/support/history.ts';
import { createCluster, type ClusterProcess } from '../main/test/support/cluster.ts';
import { openKafka } from '../main/test/support/kafka-log.ts';
import { startTarget, type TestTarget } from '../main/test/support/target.ts';
import { topicOptions } from '../main/topics.ts';
import type { EventLog, NewRecord } from '../platform/event-log/event-log.ts';
import { createCodec } from '../schemas/codec.ts';
import { TOPICS } from '../schemas/topics.ts';
import { startKafka } from '../test/servers/kafka/kafka.ts';
import { atLeast, option, round, type Bench } from './bench.ts';
import { followPassed } from './support/follow-passed.ts';

const PARTITIONS = 4;
const DAYS = 14;
const BATCH = 1000;
const TRICKLE_MS = 20;
const TRICKLES_BEFORE = 100;
const events = createCodec('session-event');

/** Weeks of as many actors as it takes, in the order of time. */
function makeRecords(count: number): NewRecord[] {
  const all = [];
  for (let number = 0; all.length < count; number += 1) {
    const { history, attack } = attackedHistory(number, DAYS);
    all.push(...history, ...attack);
  }
  return all
    .slice(0, count)
    .sort((one, other) => one.time - other.time)
    .map((event) => ({ key: event.identity!.id, value: events.encode(event) }));
}

async function append(eventLog: EventLog, records: readonly NewRecord[]): Promise<void> {
  const writer = await eventLog.writer('bench');
  for (let at = 0; at < records.length; at += BATCH)
    await writer.append(TOPICS.sessionEvents.name, records.slice(at, at + BATCH));
  await writer.close();
}

interface Streamed {
  readonly perSecond: number;
  readonly eventLog: EventLog;
  readonly detectors: readonly ClusterProcess[];
  end(): Promise<void>;
}

/** Detectors that stand ready get everything at once; the time ends when all of it is judged. */
async function stream(
  target: TestTarget,
  brokers: readonly string[],
  records: readonly NewRecord[],
  processes: number,
): Promise<Streamed> {
  const prefix = `stream-${processes}-`;
  const eventLog = await openKafka(brokers, prefix);
  await eventLog.ensureTopics(topicOptions(PARTITIONS));
  const elasticsearch = { nodes: ['http://127.0.0.1:1'], indexPrefix: 'none' };
  const cluster = await createCluster(target, { brokers, prefix, elasticsearch, gateways: 0 });
  const detectors = await Promise.all(Array.from({ length: processes }, () => cluster.start('detectors')));
  const following = await followPassed(eventLog);
  const begun = performance.now();
  await append(eventLog, records);
  await following.reached(await eventLog.endOffsets(TOPICS.sessionEvents.name));
  const seconds = (performance.now() - begun) / 1000;
  await following.close();
  const perSecond = records.length / seconds;
  return {
    perSecond,
    eventLog,
    detectors,
    async end() {
      await cluster.stop();
      await eventLog.close();
    },
  };
}

const { Kafka, CompressionCodecs, CompressionTypes, logLevel } = kafkajs;
/** kafkajs has no zstd of its own. */
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: ({ buffer }: { readonly buffer: Buffer }) => promisify(zstdCompress)(buffer),
  decompress: (buffer: Buffer) => promisify(zstdDecompress)(buffer),
});

/** A consumer that only counts. */
async function bareConsumer(brokers: readonly string[], topic: string, count: number): Promise<number> {
  const kafka = new Kafka({ brokers: [...brokers], clientId: 'bare', logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: 'bare' });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  let seen = 0;
  let begun = performance.now();
  consumer.on(consumer.events.GROUP_JOIN, () => {
    begun = performance.now();
  });
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        partitionsConsumedConcurrently: PARTITIONS,
        eachBatch({ batch }) {
          seen += batch.messages.length;
          if (seen >= count) resolve();
          return Promise.resolve();
        },
      })
      .catch(reject);
  });
  const seconds = (performance.now() - begun) / 1000;
  await consumer.disconnect();
  return count / seconds;
}

/** Longest time that a partition went unjudged, milliseconds, around the death of one of two detector processes. */
async function gapAtDeath({ eventLog, detectors }: Streamed): Promise<number> {
  const writer = await eventLog.writer('trickle');
  const following = await followPassed(eventLog);
  const { history } = attackedHistory(0, 1);
  const sample = history[0]!;
  let number = 0;
  const trickle = async (): Promise<void> => {
    number += 1;
    const event = { ...sample, eventId: `trickle-${number}`, origin: 'import' as const, time: Date.now() };
    await writer.append(
      TOPICS.sessionEvents.name,
      Array.from({ length: PARTITIONS }, (_, partition) => ({
        key: sample.identity!.id,
        partition,
        value: events.encode({ ...event, eventId: `${event.eventId}-${partition}` }),
      })),
    );
    await sleep(TRICKLE_MS);
  };
  for (let index = 0; index < TRICKLES_BEFORE; index += 1) await trickle();
  const deathAt = performance.now();
  following.watchGaps();
  await detectors[0]!.kill9();
  // Until every partition was judged again by who lives.
  const ends = await eventLog.endOffsets(TOPICS.sessionEvents.name);
  const targets = ends.map((end) => end + 5);
  let done = false;
  const all = following.reached(targets).then(() => (done = true));
  while (!done) await trickle();
  await all;
  await following.close();
  await writer.close();
  console.log(`judged again ${round((performance.now() - deathAt) / 1000)} s after the death`);
  return following.longestGapMs();
}

export const bench: Bench = async (args) => {
  const count = Number(option(args, 'events', '60000'));
  const records = makeRecords(count);
  const target = await startTarget();
  const kafka = await startKafka({ steady: true });
  try {
    const one = await stream(target, kafka.brokers, records, 1);
    await one.end();
    const two = await stream(target, kafka.brokers, records, 2);
    const gapMs = await gapAtDeath(two);
    await two.end();
    const bare = await bareConsumer(kafka.brokers, `stream-1-${TOPICS.sessionEvents.name}`, count);
    const rows = [
      { what: 'detectors, one process', 'events/s': round(one.perSecond, 0) },
      { what: 'detectors, two processes', 'events/s': round(two.perSecond, 0) },
      { what: 'bare kafkajs consumer', 'events/s': round(bare, 0) },
    ];
    console.table(rows);
    return {
      figures: {
        events: count,
        'one process events/s': round(one.perSecond, 0),
        'two processes events/s': round(two.perSecond, 0),
        'bare kafkajs events/s': round(bare, 0),
        'one process of bare': round(one.perSecond / bare, 3),
        'gap at death ms': round(gapMs, 0),
      },
      goals: [atLeast('two processes to one', 1, round(two.perSecond / one.perSecond))],
    };
  } finally {
    await kafka.stop();
    await target.stop();
  }
};
