/**
 * `npm run bench -- kafka-loss [--events N] [--kill-every S] [--client kafkajs|platformatic] [--bytes N] [--index elasticsearch|none]`:
 * events through the event log on three real brokers while the leader of a partition is killed again and again. Every event has a number;
 * at the end the whole topic is read, and every number that was acknowledged must be there, each once, in the order in which it was
 * written. A consumer of a group runs along and puts them into an index by id, where each must be once too.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openKafka } from '../platform/event-log/kafka/test/harness.ts';
import type { EventLog } from '../platform/event-log/event-log.ts';
import type { KafkaConfig } from '../schemas/config/kafka.ts';
import { startKafka, type TestKafka } from '../test/servers/kafka/kafka.ts';
import { atMost, option, percentile, round, type Bench } from './bench.ts';
import { createCounter } from './support/loss-counter.ts';
import { openLossIndex, type LossIndex } from './support/loss-index.ts';

const TOPIC = 'events';
const PARTITIONS = 6;
/** Appends under way at once, each of one key. */
const STREAMS = 12;
const BATCH = 200;
const DOWN_MS = 3000;
const PROGRESS_MS = 5000;

interface Written {
  /** 1 for each number whose append was acknowledged. */
  readonly acknowledged: Uint8Array;
  readonly appendMs: number[];
  readonly retries: number;
  readonly seconds: number;
}

/** Writes all numbers; an append that fails is done again, as the gateway's spool does. */
async function write(log: EventLog, events: number, bytes: number): Promise<Written> {
  const writer = await log.writer('bench');
  const acknowledged = new Uint8Array(events);
  const appendMs: number[] = [];
  const filler = 'x'.repeat(bytes);
  let retries = 0;
  const start = performance.now();
  const stream = async (key: number): Promise<void> => {
    for (let first = key; first < events; first += STREAMS * BATCH) {
      const numbers: number[] = [];
      for (let number = first; numbers.length < BATCH && number < events; number += STREAMS)
        numbers.push(number);
      const records = numbers.map((number) => ({
        key: `key ${key}`,
        value: Buffer.from(`${number} ${filler}`),
      }));
      for (;;) {
        const begun = performance.now();
        try {
          await writer.append(TOPIC, records);
          appendMs.push(performance.now() - begun);
          break;
        } catch (error) {
          retries += 1;
          console.log(`append failed, again: ${(error as Error).message}`);
        }
      }
      for (const number of numbers) acknowledged[number] = 1;
    }
  };
  await Promise.all(Array.from({ length: STREAMS }, (_, key) => stream(key)));
  return { acknowledged, appendMs, retries, seconds: (performance.now() - start) / 1000 };
}

/** Kills the leader of one partition after the other, and starts it again, until told to stop. One is down at a time. */
function killLeaders(kafka: TestKafka, topic: string, everyMs: number) {
  let kills = 0;
  const stopping = new AbortController();
  const rest = (ms: number): Promise<unknown> =>
    sleep(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
  const run = async (): Promise<void> => {
    for (;;) {
      const next = performance.now() + everyMs;
      await rest(everyMs / 2);
      if (stopping.signal.aborted) return;
      const leader = await kafka.leaderOf(topic, kills % PARTITIONS);
      if (leader > 0) {
        kills += 1;
        await kafka.kill9(leader);
        console.log(`broker ${leader} killed`);
        await rest(DOWN_MS);
        await kafka.restart(leader);
      }
      await rest(Math.max(0, next - performance.now()));
    }
  };
  const running = run();
  return {
    async stop(): Promise<number> {
      stopping.abort();
      await running;
      return kills;
    },
  };
}

async function measure(kafka: TestKafka, index: LossIndex | undefined, args: readonly string[]) {
  const events = Number(option(args, 'events', '1000000'));
  const client = option(args, 'client', 'kafkajs') as KafkaConfig['client'];
  const harness = await openKafka({
    client,
    brokers: [...kafka.brokers],
    replicas: 3,
    inSyncReplicasMin: 2,
    requestTimeoutMs: 5000,
    appendTimeoutMs: 60_000,
    sessionTimeoutMs: 30_000,
  });
  await harness.log.ensureTopics([{ name: TOPIC, partitions: PARTITIONS, cleanup: 'delete' }]);
  const consumed = createCounter(events);
  const consumer = await (
    await harness.another()
  ).consume({
    group: 'bench',
    topics: [TOPIC],
    startAt: 'earliest',
    batchRecordsMax: 2000,
    commit: 'after-batch',
    async onBatch(records) {
      await index?.add(records);
      consumed.add(records);
    },
    onFailure(error) {
      throw error;
    },
  });
  const killer = killLeaders(
    kafka,
    harness.config.prefix + TOPIC,
    Number(option(args, 'kill-every', '10')) * 1000,
  );
  const written = await write(harness.log, events, Number(option(args, 'bytes', '100')));
  const kills = await killer.stop();
  for (let lag = await consumer.lag(); lag > 0; lag = await consumer.lag()) {
    console.log(`written; ${lag} still to be consumed`);
    await sleep(PROGRESS_MS);
  }
  await consumer.close();
  const topic = createCounter(events);
  const reader = await harness.log.read({
    topic: TOPIC,
    onRecords: topic.add,
    onFailure(error) {
      throw error;
    },
  });
  await reader.caughtUp();
  const metrics = await harness.metrics.expose();
  await harness.end();
  const indexed = await index?.count();
  return { events, client, kills, written, topic, consumed, metrics, indexed };
}

const metric = (text: string, name: string): number =>
  [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)`, 'gm'))].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  );

export const bench: Bench = async (args) => {
  const index =
    option(args, 'index', 'elasticsearch') === 'elasticsearch' ? await openLossIndex() : undefined;
  const kafka = await startKafka({ brokers: 3, steady: true });
  try {
    const { events, client, kills, written, topic, consumed, metrics, indexed } = await measure(
      kafka,
      index,
      args,
    );
    const acknowledged = written.acknowledged.reduce((sum, one) => sum + one, 0);
    const lost = topic.missing(written.acknowledged);
    const notConsumed = consumed.missing(written.acknowledged);
    return {
      figures: {
        client,
        events,
        acknowledged,
        leadersKilled: kills,
        eventsPerSecond: Math.round(events / written.seconds),
        appendP50Ms: round(percentile(written.appendMs, 0.5)),
        appendP99Ms: round(percentile(written.appendMs, 0.99)),
        appendMaxMs: round(percentile(written.appendMs, 1)),
        appendsDoneAgain: written.retries,
        batchesSentAgain: metric(metrics, 'countersign_kafka_resends_total'),
        deliveredTwice: consumed.doubled,
        ...(indexed !== undefined && { indexed }),
      },
      goals: [
        atMost('acknowledged events lost', 0, lost),
        atMost('events twice in the topic', 0, topic.doubled),
        atMost('events out of order in their key', 0, topic.disordered),
        atMost('acknowledged events not consumed', 0, notConsumed),
        ...(indexed === undefined
          ? []
          : [
              atMost('acknowledged events missing from the index', 0, Math.max(0, acknowledged - indexed)),
              atMost('events twice in the index', 0, Math.max(0, indexed - acknowledged)),
            ]),
      ],
    };
  } finally {
    await kafka.stop();
    await index?.close();
  }
};
