import type { Clock, Timer } from '../platform/clock/clock.ts';
import type { Consumer, EventLog, LogWriter } from '../platform/event-log/event-log.ts';
import type { Role } from '../platform/lifecycle/role.ts';
import type { Logger } from '../platform/log/log.ts';
import type { Metrics } from '../platform/metrics/metrics.ts';
import { createCodec } from '../schemas/codec.ts';
import type { DetectorsConfig } from '../schemas/config/detectors.ts';
import type { Detector, Directory } from './detector.ts';
import type { DeadLetterSink, EngineDeps, EngineStream } from './engine/engine-deps.ts';
import { createIncidentWatch } from './engine/incident-watch.ts';
import { createLiveness } from './engine/liveness.ts';
import { createAssignedPartitions, type AssignedPartitions } from './engine/assigned-partitions.ts';
import { createPartitionEngine } from './engine/partition-engine.ts';
import type { RuleSource } from './engine/processor.ts';
import { createPatientWriter, mayPass, type PatientWriter } from './engine/patient-writer.ts';
import { rekeyKinds } from './engine/rekey.ts';
import { openStateWriter } from './engine/state-writer.ts';
import { rekeyedStream, sessionStream } from './engine/streams.ts';

export interface DetectorsDeps {
  readonly eventLog: EventLog;
  /** Writer of detections, verdicts and re-keyed events; one per process. The caller closes it. */
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
  /** An event log that cannot be reached for so long makes the role not ready, milliseconds; 10 s where absent. */
  readonly awayMs?: number;
}

const GROUP = 'countersign.detectors';
const TICK_MS = 100;
const AWAY_MS = 10_000;
const RESTORE_MS = [5, 10, 50, 100, 500, 1000, 5000, 10_000, 30_000, 60_000];

/** The detectors as a role: consumes session-events (and rekeyed-events where a detector needs them). Topics must exist. */
export function createDetectorsRole(deps: DetectorsDeps, config: DetectorsConfig): Role {
  const { eventLog, clock, log, metrics, detectors, directory } = deps;
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
  const incidents = createIncidentWatch({ eventLog, codec: createCodec('incident'), log }, fail);
  const patient = (raw: LogWriter): PatientWriter =>
    createPatientWriter(raw, { clock, log }, stopping.signal);
  const writer = patient(deps.writer);
  const stateWriters = new Set<PatientWriter>();
  const engineDeps: EngineDeps = {
    eventLog,
    writer,
    async stateWriter(component, partition) {
      const own = patient(await openStateWriter(eventLog, component, partition));
      stateWriters.add(own);
      const close = (): Promise<void> => {
        stateWriters.delete(own);
        return own.close();
      };
      return { append: own.append, close };
    },
    clock,
    log,
    deadLetters: deps.deadLetters,
    liveness: createLiveness(config.liveAgeMsMax),
    incidents,
    config,
    codecs: {
      event: createCodec('session-event'),
      detection: createCodec('detection'),
      verdict: createCodec('verdict'),
      state: createCodec('detector-state'),
      rekeyed: createCodec('rekeyed-event'),
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
  const restoreMs = metrics.histogram(
    'countersign_detectors_restore_ms',
    'From the assignment of a partition until its state is there, milliseconds.',
    RESTORE_MS,
  );
  const streams: { readonly consumer: Consumer; readonly component: string }[] = [];
  const held: AssignedPartitions[] = [];
  const timers: Timer[] = [];
  let ticking = false;
  let measuring = false;
  let reachedUs = clock.monotonicUs();

  const consume = async (makeStream: () => EngineStream): Promise<void> => {
    const { topic, component } = makeStream();
    const partitions = createAssignedPartitions(
      { log, restored: (ms) => restoreMs.observe(ms) },
      () => clock.monotonicUs(),
      topic,
      (partition) => createPartitionEngine(engineDeps, makeStream(), partition),
    );
    held.push(partitions);
    const consumer = await eventLog.consume({
      group: component === 'engine' ? GROUP : `${GROUP}.${component}`,
      topics: [topic],
      startAt: 'earliest',
      batchRecordsMax: config.batchRecordsMax,
      commit: 'manual',
      onAssigned: (assigned, control) => partitions.onAssigned(assigned, control),
      onRevoked: (revoked) => partitions.onRevoked(revoked),
      onBatch: (records, control) => partitions.take(records, control),
      onFailure: fail,
    });
    streams.push({ consumer, component });
  };

  const tick = async (): Promise<void> => {
    if (ticking || failure !== undefined) return;
    ticking = true;
    try {
      for (const partitions of held) await partitions.tick();
    } catch (error) {
      fail(error);
    } finally {
      ticking = false;
    }
  };
  /** Also tells whether the log can be reached: its answer is needed for the lag. */
  const measure = async (): Promise<void> => {
    if (measuring) return;
    measuring = true;
    try {
      for (const { consumer, component } of streams)
        engineDeps.metrics.lag.set(await consumer.lag(), { stream: component });
      reachedUs = clock.monotonicUs();
    } catch (error) {
      if (!mayPass(error)) throw error;
      log.debug({ error }, 'the lag of the detectors cannot be told');
    } finally {
      measuring = false;
    }
  };
  const awayUs = (deps.awayMs ?? AWAY_MS) * 1000 + config.lagPeriodMs * 1000;
  const trouble = (): string | undefined => {
    const restoring = held.reduce((sum, partitions) => sum + partitions.restoring(), 0);
    if (restoring > 0) return `the state of ${restoring} partitions is being restored`;
    if ([writer, ...stateWriters].some((one) => one.waits())) return 'the event log takes no records';
    return clock.monotonicUs() - reachedUs > awayUs ? 'the event log cannot be reached' : undefined;
  };

  return {
    name: 'detectors',
    async start() {
      failure = undefined;
      reachedUs = clock.monotonicUs();
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
      const ending = streams.splice(0).map(({ consumer }) => consumer);
      for (const consumer of ending) consumer.pause();
      // After the batch under way; then the group hears that others may go on from here.
      for (const partitions of held) await partitions.commit().catch(fail);
      for (const consumer of ending) await consumer.close().catch(fail);
      for (const partitions of held.splice(0)) await partitions.close().catch(fail);
      await incidents.close().catch(fail);
      giveUp.cancel();
    },
    health() {
      if (failure !== undefined) return { ready: false, reason: failure, failed };
      const reason = trouble();
      return reason === undefined ? { ready: true } : { ready: false, reason };
    },
  };
}
