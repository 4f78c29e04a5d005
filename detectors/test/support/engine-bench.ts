/** A partition engine on a real embedded log, fed by hand, so that a test decides when it dies. */
import { openEmbedded, type EmbeddedHarness } from '../../../platform/event-log/embedded/test/harness.ts';
import { allTopics } from '../../../platform/event-log/test/all-topics.ts';
import type { LogRecord, LogWriter } from '../../../platform/event-log/event-log.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { createPromMetrics } from '../../../platform/metrics/prom-metrics.ts';
import { createCodec, type Codec } from '../../../schemas/codec.ts';
import { DetectorsConfig } from '../../../schemas/config/detectors.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import type { SessionEvent } from '../../../schemas/types.ts';
import Value from 'typebox/value';
import type { Detector, Directory } from '../../detector.ts';
import { EMPTY_DIRECTORY } from '../../directory/directory.ts';
import type { EngineDeps } from '../../engine/engine-deps.ts';
import { createLiveness } from '../../engine/liveness.ts';
import { createPartitionEngine, type PartitionEngine } from '../../engine/partition-engine.ts';
import { NO_SUSPICION, type Suspicion } from '../../engine/processor.ts';
import { openStateWriter } from '../../engine/state-writer.ts';
import { sessionStream } from '../../engine/streams.ts';

export const codecs = {
  event: createCodec('session-event'),
  detection: createCodec('detection'),
  verdict: createCodec('verdict'),
  state: createCodec('detector-state'),
  rekeyed: createCodec('rekeyed-event'),
};

export interface EngineBench {
  readonly harness: EmbeddedHarness;
  readonly deadLetters: { record: LogRecord; code: string }[];
  readonly suspicion: { current: Suspicion };
  /** Appends that the engine may still make before its log goes away (a crash). */
  readonly appendsLeft: { count: number };
  /** Opens an engine as a new process would. */
  open(): Promise<PartitionEngine>;
  append(events: readonly SessionEvent[]): Promise<void>;
  appendRaw(key: string, value: Buffer): Promise<void>;
  /** Everything in a topic. */
  all(topic: string): Promise<LogRecord[]>;
  values<T>(topic: string, codec: Codec<T>): Promise<T[]>;
  /** Input records from an offset on. */
  input(from: number): Promise<LogRecord[]>;
  /** Gives the engine all that is new, in batches. */
  feed(engine: PartitionEngine, from?: number): Promise<number>;
  end(): Promise<void>;
}

export const noControl = { commit: async (): Promise<void> => undefined };

export async function createEngineBench(
  detectors: readonly Detector[],
  given: Partial<DetectorsConfig> = {},
  directory: Directory = EMPTY_DIRECTORY,
  /** Each engine takes the state's writer from the one before, as in processes of their own. */
  fenced = false,
): Promise<EngineBench> {
  const harness = openEmbedded({ segmentBytesMax: 1 << 22, tailBytesMax: 1 << 20, readBytesMax: 1 << 20 });
  const config = { ...(Value.Default(DetectorsConfig, {}) as DetectorsConfig), ...given };
  await harness.log.ensureTopics(allTopics(1));
  const source = await harness.log.writer('gateway');
  const target = await harness.log.writer('detectors');
  const appendsLeft = { count: Infinity };
  const writer: LogWriter = {
    async append(topic, records) {
      if (appendsLeft.count <= 0) throw new Error('killed');
      appendsLeft.count -= 1;
      return target.append(topic, records);
    },
    close: () => target.close(),
  };
  const deadLetters: { record: LogRecord; code: string }[] = [];
  const suspicion = { current: NO_SUSPICION };
  const metrics = createPromMetrics();
  const bench: EngineBench = {
    harness,
    deadLetters,
    suspicion,
    appendsLeft,
    open() {
      const deps: EngineDeps = {
        eventLog: harness.log,
        writer,
        stateWriter: (component, partition) =>
          fenced ? openStateWriter(harness.log, component, partition) : Promise.resolve(writer),
        clock: harness.clock,
        log: silentLogger,
        codecs,
        metrics: {
          events: metrics.counter('countersign_events_total', 'x', ['stream']),
          detections: metrics.counter('countersign_detections_total', 'x', ['detector', 'kind']),
          lag: metrics.gauge('countersign_lag_events', 'x', ['stream']),
        },
        deadLetters: { give: async (record, _stage, code) => void deadLetters.push({ record, code }) },
        liveness: createLiveness(config.liveAgeMsMax),
        incidents: { suspicionOf: () => suspicion.current },
        config,
      };
      return createPartitionEngine(deps, sessionStream(deps, detectors, directory), 0);
    },
    async append(events) {
      for (let at = 0; at < events.length; at += 500)
        await source.append(
          TOPICS.sessionEvents.name,
          events
            .slice(at, at + 500)
            .map((event) => ({ key: event.identity?.id ?? null, value: codecs.event.encode(event) })),
        );
    },
    async appendRaw(key, value) {
      await source.append(TOPICS.sessionEvents.name, [{ key, value }]);
    },
    async all(topic) {
      const records: LogRecord[] = [];
      const reader = await harness.log.read({
        topic,
        onRecords: (some) => void records.push(...some),
        onFailure: (error) => {
          throw error;
        },
      });
      await reader.caughtUp();
      await reader.close();
      return records;
    },
    async values(topic, codec) {
      return (await bench.all(topic)).map(({ value }) => {
        const decoded = codec.decode(value!);
        if (!decoded.ok) throw new Error(decoded.reason);
        return decoded.value;
      });
    },
    input: async (from) =>
      (await bench.all(TOPICS.sessionEvents.name)).filter(({ offset }) => offset >= from),
    async feed(engine, from = 0) {
      const records = await bench.input(from);
      for (let at = 0; at < records.length; at += 100)
        await engine.take(records.slice(at, at + 100), noControl);
      return records.length === 0 ? from : records.at(-1)!.offset + 1;
    },
    end: () => harness.end(),
  };
  return bench;
}
