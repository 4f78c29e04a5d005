/**
 * `npm run bench -- index [--event-log kafka|embedded] [--events N] [--rounds N]`: events per second from the topic into Elasticsearch, through
 * the ingest role, beside raw `_bulk` requests of the same documents into the same kind of data stream on the same server, in turns. The
 * raw requests are made before the time begins: they cost nothing but sending. They have as many documents each as ingest takes in one
 * step, and as many are under way as ingest has partitions.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Value from 'typebox/value';
import { createIngestRole } from '../ingest/ingest-role.ts';
import { createSystemClock, createSystemRandom } from '../platform/clock/system-clock.ts';
import { createNodeDisk } from '../platform/disk/node-disk.ts';
import { createEmbeddedEventLog } from '../platform/event-log/embedded/embedded-event-log.ts';
import type { EventLog } from '../platform/event-log/event-log.ts';
import { createKafkaEventLog } from '../platform/event-log/kafka/kafka-event-log.ts';
import { silentLogger } from '../platform/log/pino-logger.ts';
import { createPromMetrics } from '../platform/metrics/prom-metrics.ts';
import { createElasticsearchIndex } from '../platform/search-index/elasticsearch/elasticsearch-index.ts';
import { ElasticsearchConfig } from '../schemas/config/elasticsearch.ts';
import { EventLogConfig } from '../schemas/config/event-log.ts';
import { IngestConfig } from '../schemas/config/ingest.ts';
import { KafkaConfig } from '../schemas/config/kafka.ts';
import { sessionEventToEcs } from '../schemas/ecs/session-event.ts';
import { TOPICS } from '../schemas/topics.ts';
import { startElasticsearch, type TestElasticsearch } from '../test/servers/elasticsearch/elasticsearch.ts';
import { startKafka } from '../test/servers/kafka/kafka.ts';
import { atLeast, option, round, type Bench } from './bench.ts';
import { makeEvents, type MadeEvent } from './support/index-events.ts';

const clock = createSystemClock();
const random = createSystemRandom();
const TOPIC = TOPICS.sessionEvents.name;
const PARTITIONS = 6;
/** Of the raw requests: as many documents as ingest takes in one step, and as many at once as ingest has partitions. */
const RAW_DOCUMENTS = 1000;
const RAW_AT_ONCE = PARTITIONS;
const noSecret = (): Promise<string> => Promise.reject(new Error('no secrets here'));

async function openLog(kind: string): Promise<{ eventLog: EventLog; close(): Promise<void> }> {
  const deps = { clock, random, log: silentLogger, metrics: createPromMetrics() };
  if (kind === 'kafka') {
    const kafka = await startKafka({ steady: true });
    const given = { brokers: [...kafka.brokers], replicas: 1, inSyncReplicasMin: 1 };
    const config = Value.Parse(KafkaConfig, Value.Default(KafkaConfig, given));
    const eventLog = await createKafkaEventLog({ ...deps, readSecret: noSecret }, config);
    return {
      eventLog,
      async close() {
        await eventLog.close();
        await kafka.stop();
      },
    };
  }
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const config = Value.Parse(EventLogConfig, Value.Default(EventLogConfig, { folder: join(folder, 'log') }));
  const eventLog = createEmbeddedEventLog({ ...deps, disk: createNodeDisk() }, config);
  return {
    eventLog,
    async close() {
      await eventLog.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function openSearchIndex(server: TestElasticsearch, indexPrefix: string) {
  const given = { nodes: [server.url], replicasCount: 0, indexPrefix };
  const config = Value.Parse(ElasticsearchConfig, Value.Default(ElasticsearchConfig, given));
  const metrics = createPromMetrics();
  const index = await createElasticsearchIndex(
    { clock, random, log: silentLogger, metrics, readSecret: noSecret },
    config,
  );
  return { index, metrics };
}

interface Round {
  readonly perSecond: number;
  /** Time of this process on a processor for each event, microseconds. */
  readonly cpuUs: number;
  /** Documents that went together. */
  readonly batch: number;
  /** Time of the server on a processor for each event, microseconds. */
  readonly serverCpuUs: number;
}
type Watched = Omit<Round, 'serverCpuUs'>;

/** Starts both watches. */
function begin(): (events: number, requests: number) => Watched {
  const cpu = process.cpuUsage();
  const begunUs = clock.monotonicUs();
  return (events, requests) => {
    const { user, system } = process.cpuUsage(cpu);
    return {
      perSecond: (events / (clock.monotonicUs() - begunUs)) * 1e6,
      cpuUs: (user + system) / events,
      batch: events / requests,
    };
  };
}

/** Milliseconds on a processor since the server started. */
async function serverCpuMs(server: TestElasticsearch): Promise<number> {
  const answer: unknown = await server.request('GET', '_nodes/stats/process?filter_path=nodes.*.process.cpu');
  const { nodes } = answer as { nodes: Record<string, { process: { cpu: { total_in_millis: number } } }> };
  return Object.values(nodes)[0]!.process.cpu.total_in_millis;
}

/** What the round before has left to merge is not this one's work. */
async function settle(server: TestElasticsearch): Promise<void> {
  await server.request('POST', '_refresh');
  for (;;) {
    const answer: unknown = await server.request(
      'GET',
      '_nodes/stats/indices/merge?filter_path=nodes.*.indices.merges.current',
    );
    const { nodes = {} } = answer as { nodes?: Record<string, { indices: { merges: { current: number } } }> };
    if (Object.values(nodes).every(({ indices }) => indices.merges.current === 0)) return;
    await clock.sleep(100);
  }
}

/** Events per second from the topic, read from its start by a group that is new. */
async function ingestRound(
  server: TestElasticsearch,
  eventLog: EventLog,
  n: number,
  events: number,
): Promise<Watched> {
  const { index, metrics } = await openSearchIndex(server, `ingest${n}`);
  let done = (): void => undefined;
  const finished = new Promise<void>((resolve) => (done = resolve));
  let created = 0;
  let calls = 0;
  const searchIndex: typeof index = {
    ...index,
    async create(name, items, options) {
      const outcomes = await index.create(name, items, options);
      calls += 1;
      created += outcomes.filter(({ outcome }) => outcome === 'created').length;
      if (created >= events) done();
      return outcomes;
    },
  };
  const log: EventLog = {
    ...eventLog,
    consume: (options) => eventLog.consume({ ...options, group: `${options.group}.round${n}` }),
  };
  const config = Value.Parse(IngestConfig, Value.Default(IngestConfig, {}));
  const deps = { eventLog: log, log: silentLogger, clock, metrics, writerName: `bench${n}` };
  // The data stream is there in both, and joining a group is no part of the work: the clock starts with the first batch.
  await index.create('session-events', [{ id: 'first', document: { '@timestamp': 1 } }]);
  let watch: ReturnType<typeof begin> | undefined;
  const timed: typeof index = {
    ...searchIndex,
    create(name, items, options) {
      watch ??= begin();
      return searchIndex.create(name, items, options);
    },
  };
  const role = createIngestRole({ ...deps, searchIndex: timed }, config);
  await role.start();
  await finished;
  const round = watch!(events, calls);
  await role.stop(10_000);
  await index.close();
  return round;
}

function post(url: string, agent: http.Agent, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-ndjson', 'content-length': body.length };
    const request = http.request(url, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.on('data', (part: Buffer) => (text += part.toString()));
      response.once('end', () =>
        text.startsWith('{"errors":false') ? resolve() : reject(new Error(text.slice(0, 500))),
      );
    });
    request.once('error', reject);
    request.end(body);
  });
}

/** Events per second of requests that are ready to be sent. */
async function rawRound(
  server: TestElasticsearch,
  bodies: readonly Buffer[],
  n: number,
  events: number,
): Promise<Watched> {
  const { index } = await openSearchIndex(server, `raw${n}`);
  await index.create('session-events', [{ id: 'first', document: { '@timestamp': 1 } }]);
  await index.close();
  const agent = new http.Agent({ keepAlive: true, maxSockets: RAW_AT_ONCE });
  const watch = begin();
  const left = [...bodies];
  const url = `${server.url}/raw${n}-session-events/_bulk?filter_path=errors`;
  const worker = async (): Promise<void> => {
    for (let body = left.shift(); body !== undefined; body = left.shift()) await post(url, agent, body);
  };
  await Promise.all(Array.from({ length: RAW_AT_ONCE }, worker));
  const round = watch(events, bodies.length);
  agent.destroy();
  return round;
}

function rawBodies(made: readonly MadeEvent[]): Buffer[] {
  const lines = made.map(
    ({ event }) => `{"create":{"_id":"${event.eventId}"}}\n${JSON.stringify(sessionEventToEcs(event))}\n`,
  );
  const bodies: Buffer[] = [];
  for (let at = 0; at < lines.length; at += RAW_DOCUMENTS)
    bodies.push(Buffer.from(lines.slice(at, at + RAW_DOCUMENTS).join('')));
  return bodies;
}

const cpuOf = ({ cpuUs, serverCpuUs }: Round): string =>
  `${round(cpuUs, 0)} us here and ${round(serverCpuUs, 0)} in the server`;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

export const bench: Bench = async (args) => {
  const kind = option(args, 'event-log', 'kafka');
  const events = Number(option(args, 'events', '60000'));
  const rounds = Number(option(args, 'rounds', '5'));
  const { eventLog, close } = await openLog(kind);
  console.log(`event log: ${kind}`);
  try {
    await eventLog.ensureTopics(
      Object.values(TOPICS).map(({ name, partitions, cleanup }) => ({
        name,
        partitions: partitions === 'single' ? 1 : PARTITIONS,
        cleanup: cleanup === 'compact' ? 'compact' : 'delete',
      })),
    );
    const made = makeEvents(events, clock.now());
    const bodies = rawBodies(made);
    const bytes = bodies.reduce((sum, body) => sum + body.length, 0) / events;
    const writer = await eventLog.writer('bench');
    for (let at = 0; at < made.length; at += 1000)
      await writer.append(
        TOPIC,
        made.slice(at, at + 1000).map(({ key, value }) => ({ key, value })),
      );
    await writer.close();
    console.log(`${events} events are in the topic`);
    const server = await startElasticsearch({ steady: true });
    console.log(`Elasticsearch ${server.version} runs`);
    try {
      const raw: Round[] = [];
      const ingest: Round[] = [];
      const measure = async (rounds: Round[], run: () => Promise<Watched>): Promise<void> => {
        await settle(server);
        const before = await serverCpuMs(server);
        const watched = await run();
        const serverCpuUs = (((await serverCpuMs(server)) - before) * 1000) / events;
        rounds.push({ ...watched, serverCpuUs });
      };
      const runRaw = (n: number) => measure(raw, () => rawRound(server, bodies, n, events));
      const runIngest = (n: number) => measure(ingest, () => ingestRound(server, eventLog, n, events));
      // The first of each warms the server up and does not count; which goes first changes.
      for (let n = 0; n <= rounds; n += 1) {
        for (const run of n % 2 === 0 ? [runRaw, runIngest] : [runIngest, runRaw]) await run(n);
        const [one, other] = [raw.at(-1)!.perSecond, ingest.at(-1)!.perSecond];
        console.log(
          `round ${n}: raw _bulk ${round(one, 0)}/s, ingest ${round(other, 0)}/s, ${round(other / one)}x, CPU an event: raw ${cpuOf(raw.at(-1)!)}, ingest ${cpuOf(ingest.at(-1)!)}`,
        );
      }
      raw.shift();
      ingest.shift();
      const ratios = ingest.map(({ perSecond }, n) => perSecond / raw[n]!.perSecond);
      const ratio = round(median(ratios));
      const figures = (name: string, rounds: readonly Round[]) => ({
        [`${name}PerSecond`]: round(median(rounds.map(({ perSecond }) => perSecond)), 0),
        [`${name}Batch`]: round(median(rounds.map(({ batch }) => batch)), 0),
        [`${name}CpuUs`]: round(median(rounds.map(({ cpuUs }) => cpuUs)), 1),
        [`${name}ServerCpuUs`]: round(median(rounds.map(({ serverCpuUs }) => serverCpuUs)), 0),
      });
      return {
        figures: {
          eventLog: kind,
          events,
          bytesPerDocument: round(bytes, 0),
          ...figures('raw', raw),
          ...figures('ingest', ingest),
          ratio,
          ratioLowest: round(Math.min(...ratios)),
          ratioHighest: round(Math.max(...ratios)),
          rounds,
        },
        goals: [atLeast('ingest, share of raw _bulk', 0.9, ratio)],
      };
    } finally {
      await server.stop();
    }
  } finally {
    await close();
  }
};
