/** The role `sinks`: topics to receivers outside, each with offsets of its own, so that none waits for another. */
import { hostname } from 'node:os';
import { createCodec } from '../../schemas/codec.ts';
import type { SecretReference } from '../../schemas/config/secret.ts';
import type { SinkConfig } from '../../schemas/config/sinks.ts';
import { DOCUMENT_MAPPINGS } from '../../schemas/ecs/documents.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import { createDeadLetters, type DeadLetters } from '../../platform/dead-letters/dead-letters.ts';
import type { EventLog, LogWriter } from '../../platform/event-log/event-log.ts';
import type { Role } from '../../platform/lifecycle/role.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Metrics } from '../../platform/metrics/metrics.ts';
import type { IngestCodecs } from '../topic-indexer.ts';
import { createDelivery } from './deliver.ts';
import { sinkError } from './errors.ts';
import { compileFilter } from './filter.ts';
import { isDocumentField } from './known-fields.ts';
import { createSink } from './registry.ts';
import type { Sink } from './sink.ts';
import { createSinkMeters, type SinkMeters } from './sink-meters.ts';
import { createGiveUp, createTopicFeed, type Feed } from './topic-feed.ts';

export interface SinksRoleDeps {
  readonly eventLog: EventLog;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly readSecret: (reference: SecretReference) => Promise<string>;
  /** Version of this program; stands in CEF headers. */
  readonly version: string;
  /** Codecs by schema; those that are absent are made without a schema registry. */
  readonly codecs?: IngestCodecs;
  /** Name of the writer of dead letters; one per running copy of the role. */
  readonly writerName?: string;
}

interface RunningSink {
  readonly name: string;
  readonly sink: Sink;
  readonly feeds: readonly Feed[];
  readonly meters: SinkMeters;
  readonly measureLag: () => Promise<void>;
  problem: string | undefined;
}

const LAG_PERIOD_MS = 15_000;
/** What ending a try may take after the grace. */
const ENDING_MS_MAX = 1000;

interface Stops {
  readonly stopping: AbortSignal;
  readonly ending: AbortSignal;
}

async function assemble(
  deps: SinksRoleDeps,
  deadLetters: DeadLetters,
  config: SinkConfig,
  { stopping, ending }: Stops,
): Promise<RunningSink> {
  const { name } = config;
  const log = deps.log.child({ sink: name });
  const meters = createSinkMeters(deps.metrics, name);
  const matches = compileFilter(name, config.filter, isDocumentField);
  const sink = await createSink({ ...deps, hostname: hostname() }, config);
  const running: { -readonly [K in keyof RunningSink]: RunningSink[K] } = {
    name,
    sink,
    meters,
    feeds: [],
    problem: undefined,
    async measureLag() {
      for (const [place, topic] of config.filter.topics.entries())
        meters.lag(`countersign.${topic}`, await running.feeds[place]!.lag());
    },
  };
  const onProblem = (problem: string | undefined): void => {
    if (problem === undefined && running.problem !== undefined) log.info({}, 'a sink delivers again');
    running.problem = problem;
    meters.up(problem === undefined);
  };
  const giveUp = createGiveUp(name, { deadLetters, log, meters });
  const delivery = createDelivery(
    {
      sink,
      clock: deps.clock,
      log,
      meters,
      stopping,
      ending,
      onProblem,
      giveUp: ({ record }, code, reason) => giveUp(record, code, reason),
    },
    config,
  );
  running.feeds = config.filter.topics.map((topic) => {
    const mapping = DOCUMENT_MAPPINGS.find(({ index }) => index === topic)!;
    const codec = deps.codecs?.[mapping.schema] ?? createCodec(mapping.schema);
    return createTopicFeed(
      { ...deps, log, deadLetters, meters, codec, mapping, matches, delivery, stopping, onProblem },
      config,
    );
  });
  return running;
}

/**
 * `start` rejects with SINK_INVALID, SINK_NAME_TWICE or CONFIG_SECRET_MISSING. A receiver that is away is no reason not to be
 * ready: its records wait in the log; `health` and the metric countersign_sink_up name it.
 */
export function createSinksRole(deps: SinksRoleDeps, configs: readonly SinkConfig[]): Role {
  const log = deps.log.child({ role: 'sinks' });
  const { eventLog, clock, metrics } = deps;
  const stopping = new AbortController();
  const ending = new AbortController();
  const signals: Stops = { stopping: stopping.signal, ending: ending.signal };
  let sinks: RunningSink[] = [];
  let writer: LogWriter | undefined;
  let deadLetters: DeadLetters | undefined;
  let started = false;

  const close = async (): Promise<void> => {
    const ends = await Promise.allSettled(sinks.flatMap(({ feeds }) => feeds.map((feed) => feed.close())));
    for (const end of ends)
      if (end.status === 'rejected')
        log.warn({ error: end.reason as unknown }, 'a sink did not stop cleanly');
    for (const { sink } of sinks) sink.close();
    await writer?.close().catch((error: unknown) => log.warn({ error }, 'the writer did not close cleanly'));
  };

  return {
    name: 'sinks',
    async start() {
      const twice = configs.find(
        ({ name }, place) => configs.findIndex((other) => other.name === name) !== place,
      );
      if (twice !== undefined) throw sinkError('SINK_NAME_TWICE', { name: twice.name });
      if (configs.length > 0) {
        writer = await eventLog.writer(deps.writerName ?? 'countersign.sinks.dead-letters');
        const codec = deps.codecs?.['dead-letter'];
        deadLetters = createDeadLetters({
          writer,
          clock,
          log,
          metrics,
          ...(codec === undefined ? {} : { codec }),
        });
        // All are made before the first one reads: a mistake in one must not leave the others half started.
        for (const config of configs)
          sinks.push(await assemble({ ...deps, log }, deadLetters, config, signals));
        for (const { feeds } of sinks) for (const feed of feeds) await feed.start();
        const timer = clock.every(LAG_PERIOD_MS, () => {
          for (const { name, measureLag } of sinks)
            measureLag().catch((error: unknown) => log.debug({ error, sink: name }, 'lag not measured'));
        });
        stopping.signal.addEventListener('abort', () => timer.cancel(), { once: true });
      }
      started = true;
    },
    async stop(graceMs) {
      started = false;
      stopping.abort(new Error('sinks are stopping'));
      deadLetters?.close();
      const closed = new AbortController();
      const late = async (): Promise<void> => {
        await clock.sleep(graceMs, closed.signal);
        ending.abort(new Error('sinks did not stop in time'));
        await clock.sleep(ENDING_MS_MAX, closed.signal);
        log.warn({ graceMs }, 'sinks did not stop in time');
      };
      const closing = close().finally(() => closed.abort());
      await Promise.race([closing, late().catch(() => closing)]);
      sinks = [];
    },
    health() {
      if (!started) return { ready: false, reason: 'sinks are not running' };
      const troubled = sinks.filter(({ problem }) => problem !== undefined);
      if (troubled.length === 0) return { ready: true };
      return { ready: true, reason: troubled.map(({ name, problem }) => `${name}: ${problem}`).join('; ') };
    },
  };
}
