/** What the responders stand on. The composition root (main) gives all of it. */
import type { Codec } from '../schemas/codec.ts';
import type { ControlRecord, Detection, Incident, ResponseStep, Verdict } from '../schemas/types.ts';
import type { SecretReference } from '../schemas/config/secret.ts';
import type { Clock, Random } from '../platform/clock/clock.ts';
import type { DeadLetters } from '../platform/dead-letters/dead-letters.ts';
import type { EventLog } from '../platform/event-log/event-log.ts';
import type { Logger } from '../platform/log/log.ts';
import type { Metrics } from '../platform/metrics/metrics.ts';
import type { ControlApi } from './http/control-api.ts';

export interface RespondersCodecs {
  readonly detection: Codec<Detection>;
  readonly incident: Codec<Incident>;
  readonly response: Codec<ResponseStep>;
  readonly verdict: Codec<Verdict>;
  readonly controlRecord: Codec<ControlRecord>;
}

export interface RespondersDependencies {
  readonly eventLog: EventLog;
  readonly controlApi: ControlApi;
  readonly codecs: RespondersCodecs;
  readonly deadLetters: Pick<DeadLetters, 'give'>;
  readonly readSecret: (reference: SecretReference) => Promise<string>;
  /** Where people look at an incident; stands in notifications. */
  readonly incidentLink?: (incident: Incident) => string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
}
