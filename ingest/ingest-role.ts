/** The ingest role: every topic into the search index, at least once, duplicates harmless. */
import { createCodec, type Codec, type SchemaTypes } from '../schemas/codec.ts';
import type { IngestConfig } from '../schemas/config/ingest.ts';
import { DOCUMENT_MAPPINGS, type DocumentMapping } from '../schemas/ecs/documents.ts';
import type { Clock } from '../platform/clock/clock.ts';
import { createDeadLetters, type DeadLetters } from '../platform/dead-letters/dead-letters.ts';
import type { Consumer, EventLog, LogWriter } from '../platform/event-log/event-log.ts';
import type { Role } from '../platform/lifecycle/role.ts';
import type { Logger } from '../platform/log/log.ts';
import type { Metrics } from '../platform/metrics/metrics.ts';
import type { SearchIndex } from '../platform/search-index/search-index.ts';
import { createRetention } from './retention.ts';
import { createRetry, type Retry } from './retry.ts';
import { createTopicIndexer, type IngestCodecs } from './topic-indexer.ts';

export interface IngestRoleDeps {
  readonly eventLog: EventLog;
  readonly searchIndex: SearchIndex;
  /** Codecs by schema; those that are absent are made without a schema registry. */
  readonly codecs?: IngestCodecs;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Name of the writer of dead letters; one per running copy of the role. */
  readonly writerName?: string;
}

interface TopicState {
  readonly mapping: DocumentMapping;
  consumer: Consumer | undefined;
  problem: string | undefined;
}

/** Starts a topic's consumer, and starts it again when it has failed: the log's failure must not end ingest. */
function superviseTopic(
  state: TopicState,
  deps: IngestRoleDeps & {
    codec: Codec<SchemaTypes[keyof SchemaTypes]>;
    deadLetters: DeadLetters;
    signal: AbortSignal;
  },
  config: IngestConfig,
): () => Promise<void> {
  const { eventLog, clock, signal } = deps;
  const log = deps.log.child({ topic: state.mapping.topic });
  const onProblem = (problem: string | undefined): void => void (state.problem = problem);
  const retry: Retry = createRetry({ clock, log, signal, onProblem }, config);
  const indexer = createTopicIndexer({ ...deps, log, mapping: state.mapping, retry });

  const start = async (): Promise<void> => {
    let failed = false;
    const restart = async (): Promise<void> => {
      // A failed consumer still has to leave its group, or its partitions stay with it.
      await state.consumer?.close().catch(() => undefined);
      state.consumer = undefined;
      await clock.sleep(config.retryDelayMsMin, signal);
      await retry(start);
    };
    const consumer = await eventLog.consume({
      group: `countersign.ingest.${state.mapping.index}`,
      topics: [state.mapping.topic],
      startAt: 'earliest',
      batchRecordsMax: config.batchRecordsMax,
      commit: 'after-batch',
      onBatch: (records) => indexer.onBatch(records),
      onAssigned: (partitions) => Promise.resolve(indexer.onAssigned(partitions)),
      onFailure(error) {
        if (signal.aborted || failed) return;
        failed = true;
        onProblem((error as Error).message);
        log.error({ error }, 'a consumer stopped; starting it again');
        // Only stopping ends it early.
        restart().catch(() => undefined);
      },
    });
    // The role may have been stopped in the meantime, when there was no consumer to close yet.
    if (signal.aborted) await consumer.close();
    else state.consumer = consumer;
  };
  return start;
}

export function createIngestRole(deps: IngestRoleDeps, config: IngestConfig): Role {
  const { eventLog, clock, metrics } = deps;
  const log = deps.log.child({ role: 'ingest' });
  const retention = createRetention({ ...deps, log }, config.retention);
  const states: TopicState[] = DOCUMENT_MAPPINGS.map((mapping) => ({
    mapping,
    consumer: undefined,
    problem: undefined,
  }));
  const stopping = new AbortController();
  let writer: LogWriter | undefined;
  let deadLetters: DeadLetters | undefined;
  let started = false;

  return {
    name: 'ingest',
    async start() {
      writer = await eventLog.writer(deps.writerName ?? 'countersign.ingest.dead-letters');
      const deadLetterCodec = deps.codecs?.['dead-letter'];
      deadLetters = createDeadLetters({
        writer,
        clock,
        log,
        metrics,
        ...(deadLetterCodec === undefined ? {} : { codec: deadLetterCodec }),
      });
      for (const state of states) {
        const { schema } = state.mapping;
        const codec = deps.codecs?.[schema] ?? createCodec(schema);
        await superviseTopic(state, { ...deps, log, codec, deadLetters, signal: stopping.signal }, config)();
      }
      retention.start();
      started = true;
    },
    async stop(graceMs) {
      started = false;
      stopping.abort(new Error('ingest is stopping'));
      deadLetters?.close();
      const close = async (): Promise<void> => {
        const ends = [retention.stop(), ...states.map(async ({ consumer }) => consumer?.close())];
        for (const end of await Promise.allSettled(ends))
          if (end.status === 'rejected')
            log.warn({ error: end.reason as unknown }, 'a part of ingest did not stop cleanly');
        await writer
          ?.close()
          .catch((error: unknown) => log.warn({ error }, 'the writer did not close cleanly'));
      };
      const closed = new AbortController();
      await Promise.race([
        close().finally(() => closed.abort()),
        clock.sleep(graceMs, closed.signal).then(
          () => log.warn({ graceMs }, 'ingest did not stop in time'),
          () => undefined,
        ),
      ]);
    },
    health() {
      if (!started) return { ready: false, reason: 'ingest is not running' };
      const state = states.find(({ problem }) => problem !== undefined);
      return state === undefined
        ? { ready: true }
        : { ready: false, reason: `${state.mapping.topic}: ${state.problem}` };
    },
  };
}
