import type { Clock, Timer } from '../platform/clock/clock.ts';
import type { Consumer, EventLog, LogWriter } from '../platform/event-log/event-log.ts';
import type { Role } from '../platform/lifecycle/role.ts';
import type { Logger } from '../platform/log/log.ts';
import type { Metrics } from '../platform/metrics/metrics.ts';
import { createCodec, type RegistryIds } from '../schemas/codec.ts';
import type { DetectorsConfig } from '../schemas/config/detectors.ts';
import type { Detector, Directory } from './detector.ts';
import type { DeadLetterSink, EngineDeps, EngineStream } from './engine/engine-deps.ts';
import { createIncidentWatch } from './engine/incident-watch.ts';
import { createLiveness } from './engine/liveness.ts';
import { createPartitionEngine, type PartitionEngine } from './engine/partition-engine.ts';
import type { RuleSource } from './engine/processor.ts';
import { createPatientWriter } from './engine/patient-writer.ts';
import { rekeyKinds } from './engine/rekey.ts';
import { rekeyedStream, sessionStream } from './engine/streams.ts';

export interface DetectorsDeps {
  readonly eventLog: EventLog;
  /** Writer of detections, verdicts, re-keyed events and state; one per process. The caller closes it. */
  readonly writer: LogWriter;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly deadLetters: DeadLetterSink;
  /** In the order they run: the baselines, and detectors of other keys. */
  readonly detectors: readonly Detector[];
  /** Run after them; may be replaced while the role runs (detectors/rules: createRuleSet). */
  readonly rules?: RuleSource;
  readonly directory: Directory;
  readonly registry?: RegistryIds;
}

const GROUP = 'countersign.detectors';
const TICK_MS = 100;

/** The detectors as a role: consumes session-events (and rekeyed-events where a detector needs them). Topics must exist. */
export function createDetectorsRole(deps: DetectorsDeps, config: DetectorsConfig): Role {
  const { eventLog, clock, log, metrics, detectors, directory, registry } = deps;
  let failure: string | undefined = 'not started';
  let failed = false;
  const stopping = new AbortController();
  let stopped = false;
  const fail = (error: unknown): void => {
    failure = `stopped on an error: ${error instanceof Error ? error.message : String(error)}`;
    // What breaks while it stops needs nobody to start it again.
    failed = !stopped;
    log.error({ error }, 'detectors stopped on an error');
  };
  const incidents = createIncidentWatch({ eventLog, codec: createCodec('incident', registry), log }, fail);
  const writer = createPatientWriter(deps.writer, { clock, log }, stopping.signal);
  const engineDeps: EngineDeps = {
    eventLog,
    writer,
    clock,
    log,
    deadLetters: deps.deadLetters,
    liveness: createLiveness(config.liveAgeMsMax),
    incidents,
    config,
    codecs: {
      event: createCodec('session-event', registry),
      detection: createCodec('detection', registry),
      verdict: createCodec('verdict', registry),
      state: createCodec('detector-state', registry),
      rekeyed: createCodec('rekeyed-event', registry),
    },
    metrics: {
      events: metrics.counter('countersign_detectors_events_total', 'Events judged.', ['stream']),
      detections: metrics.counter('countersign_detections_total', 'Detections published.', [
        'detector',
        'kind',
      ]),
      lag: metrics.gauge('countersign_detectors_lag_events', 'Events not committed yet.', ['stream']),
    },
  };
  const consumers: { readonly consumer: Consumer; readonly component: string }[] = [];
  const engines = new Map<string, PartitionEngine>();
  const timers: Timer[] = [];
  let ticking = false;

  const consume = async (makeStream: () => EngineStream): Promise<void> => {
    const { topic, component } = makeStream();
    const nameOf = (partition: number): string => `${component}/${partition}`;
    const consumer = await eventLog.consume({
      group: component === 'engine' ? GROUP : `${GROUP}.${component}`,
      topics: [topic],
      startAt: 'earliest',
      batchRecordsMax: config.batchRecordsMax,
      commit: 'manual',
      async onAssigned(partitions, control) {
        for (const { partition } of partitions) {
          const engine = await createPartitionEngine(engineDeps, makeStream(), partition);
          engines.set(nameOf(partition), engine);
          if (engine.resumeAt !== undefined) control.seek(topic, partition, engine.resumeAt);
        }
      },
      async onRevoked(partitions) {
        for (const { partition } of partitions) {
          const engine = engines.get(nameOf(partition));
          engines.delete(nameOf(partition));
          await engine?.commit();
        }
      },
      onBatch: (records, control) => engines.get(nameOf(records[0]!.partition))!.take(records, control),
      onFailure: fail,
    });
    consumers.push({ consumer, component });
  };

  const tick = async (): Promise<void> => {
    if (ticking || failure !== undefined) return;
    ticking = true;
    try {
      for (const engine of engines.values()) await engine.tick();
    } catch (error) {
      fail(error);
    } finally {
      ticking = false;
    }
  };
  const measure = async (): Promise<void> => {
    for (const { consumer, component } of consumers)
      engineDeps.metrics.lag.set(await consumer.lag(), { stream: component });
  };

  return {
    name: 'detectors',
    async start() {
      failure = undefined;
      await incidents.start();
      for (const kind of rekeyKinds(detectors))
        await consume(() => rekeyedStream(engineDeps, detectors, directory, kind));
      await consume(() => sessionStream(engineDeps, detectors, directory, deps.rules));
      timers.push(clock.every(TICK_MS, () => void tick().catch(fail)));
      timers.push(clock.every(config.lagPeriodMs, () => void measure().catch(fail)));
    },
    async stop(graceMs) {
      stopped = true;
      const giveUp = clock.after(graceMs, () => stopping.abort(new Error('the detectors are stopping')));
      for (const timer of timers.splice(0)) timer.cancel();
      failure ??= 'stopped';
      for (const engine of engines.values()) await engine.commit().catch(fail);
      for (const { consumer } of consumers.splice(0)) await consumer.close().catch(fail);
      await incidents.close().catch(fail);
      giveUp.cancel();
      engines.clear();
    },
    health() {
      if (failure !== undefined) return { ready: false, reason: failure, failed };
      return writer.waits() ? { ready: false, reason: 'the event log takes no records' } : { ready: true };
    },
  };
}
