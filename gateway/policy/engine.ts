/** What evaluates a policy in Rego, wherever it does: in a thread of this process or in an OPA server. */
import type { Clock, Random } from '../../platform/clock/clock.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Metrics } from '../../platform/metrics/metrics.ts';
import type { SecretReference } from '../../schemas/config/secret.ts';

export type Asked =
  | { readonly ok: true; readonly result: unknown; readonly micros: number }
  | { readonly ok: false; readonly error: CountersignError };

export interface Engine {
  /** Of the rule that decides. */
  readonly path: string;
  /** Of the policy in force; changes with it. */
  revision(): string;
  /** JSON of the input document to what the policy says. Never rejects; bounded in time. */
  ask(document: string): Promise<Asked>;
  /** Called when another policy is in force: what was decided before may be wrong. */
  onChange(callback: () => void): void;
  /** Never rejects: an engine that cannot decide denies until it can. */
  start(): Promise<void>;
  /** Looks for a newer policy now. What is wrong with it, if anything; then the old one stays. */
  refresh(): Promise<CountersignError | undefined>;
  /** Why it cannot decide. */
  fault(): CountersignError | undefined;
  close(): void;
}

export interface EngineDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly readSecret: (reference: SecretReference) => Promise<string>;
}
