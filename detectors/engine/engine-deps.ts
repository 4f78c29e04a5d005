import type { Clock } from '../../platform/clock/clock.ts';
import type { EventLog, LogRecord, LogWriter } from '../../platform/event-log/event-log.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Counter, Gauge } from '../../platform/metrics/metrics.ts';
import type { Codec } from '../../schemas/codec.ts';
import type { DetectorsConfig } from '../../schemas/config/detectors.ts';
import type { Detection, DetectorState, RekeyedEvent, SessionEvent, Verdict } from '../../schemas/types.ts';
import type { IncidentWatch } from './incident-watch.ts';
import type { KeyState } from './key-state.ts';
import type { Liveness } from './liveness.ts';
import type { Processor } from './processor.ts';
import type { Arrival } from './session-order.ts';

export interface EngineCodecs {
  readonly event: Codec<SessionEvent>;
  readonly detection: Codec<Detection>;
  readonly verdict: Codec<Verdict>;
  readonly state: Codec<DetectorState>;
  readonly rekeyed: Codec<RekeyedEvent>;
}

export interface EngineMetrics {
  readonly events: Counter;
  readonly detections: Counter;
  readonly lag: Gauge;
}

/** Where a record goes that can never be processed (platform/dead-letters). */
export interface DeadLetterSink {
  give(record: LogRecord, stage: string, code: string, reason: string): Promise<void>;
}

export interface EngineDeps {
  readonly eventLog: EventLog;
  /** For everything but state. */
  readonly writer: LogWriter;
  /** Opens the writer of a partition's state, and takes it from whoever had it (state-writer.ts). */
  readonly stateWriter: (component: string, partition: number) => Promise<LogWriter>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly codecs: EngineCodecs;
  readonly metrics: EngineMetrics;
  readonly deadLetters: DeadLetterSink;
  readonly liveness: Liveness;
  readonly incidents: Pick<IncidentWatch, 'suspicionOf'>;
  readonly config: DetectorsConfig;
}

export interface ReadEvent {
  readonly ok: true;
  readonly event: SessionEvent;
  /** Key of its state. */
  readonly key: string;
  /** The session event as framed. */
  readonly framed: Uint8Array;
  /** Where it first stood, for re-keyed events. */
  readonly source?: { readonly partition: number; readonly offset: number };
}

/** What differs between the session events and the re-keyed ones. */
export interface EngineStream {
  readonly topic: string;
  /** First part of the state's keys. */
  readonly component: string;
  /** Whether verdicts say how far it has come. */
  readonly verdicts: boolean;
  readonly processor: Processor;
  /** Null: nothing to do (a tombstone). */
  read(record: LogRecord): ReadEvent | { readonly ok: false; readonly reason: string } | null;
  arrive(state: KeyState, event: SessionEvent, read: ReadEvent): Arrival;
  /** Takes a judged event on to detectors keyed otherwise. */
  forward(
    event: SessionEvent,
    record: Pick<LogRecord, 'topic' | 'partition' | 'offset'> & { readonly framed: Uint8Array },
  ): Promise<void>;
  /** Resolves when all that was forwarded is in the log. */
  flush(): Promise<void>;
}
