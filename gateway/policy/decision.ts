/** The decision on one command: what it is made from and what comes out. One pipeline for every protocol. */
import type { Action, Client, Identity, Outcome, RiskClass, Target } from '../../schemas/types.ts';

export interface DecisionInput {
  readonly identity: Identity;
  readonly client: Client;
  readonly target: Target;
  readonly actions: readonly Action[];
  readonly risk: RiskClass;
  readonly fingerprint: string | null;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: number;
}

export interface PolicyDecision {
  readonly outcome: Outcome;
  /** Name of the rule that decided. */
  readonly rule: string;
  /** In plain words. */
  readonly reason: string;
}

export interface Policy {
  /** Pure and synchronous; a policy that cannot decide denies. */
  decide(input: DecisionInput): PolicyDecision;
  /** Changes whenever `decide` might answer differently for the same input but time; caches key on it. */
  readonly version: number;
}
