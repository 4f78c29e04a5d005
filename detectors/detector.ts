/**
 * What the engine runs: detectors with keyed state. For each event the engine takes every detector in the registry's order
 * (baselines first, since rules may ask for the facts they establish), hands it the state of the event's key, and publishes
 * what it finds. Engine, state and replay: detectors/engine. Baselines: detectors/baselines. Sigma rules: detectors/rules.
 */
import type { Figure, SessionEvent, Severity } from '../schemas/types.ts';

export type FactValue = string | number | boolean | null;

/** What is known of people and accounts beside their tokens (leavers, owners, time zones); from a file for now. */
export interface Directory {
  /** When the person left, milliseconds since the epoch; by identity id, or a subject at any issuer. */
  leftAt(identity: string): number | undefined;
  /** Owner (identity id or subject) of a service account. */
  ownerOf(identityId: string): string | undefined;
  /**
   * IANA time zone to judge hours by: the directory's for the identity, else `claimed` (the identity's attribute `timeZone`, set by
   * whoever made the account), else the connection's, else UTC. What is no time zone counts as absent.
   */
  timeZoneOf(identityId: string | null, connection: string | null, claimed?: string): string;
}

/** An event as detectors see it: the record, its fields by dotted name, and the facts that earlier detectors established. */
export interface EventView {
  readonly event: SessionEvent;
  /**
   * Values of a field: the dotted path in the record's JSON form (`identity.kind`, `client.ip`, `body.risk`; lists give all
   * their values: `body.actions.action`), or a fact (`facts.source_network_new`). Empty where absent.
   */
  field(name: string): readonly FactValue[];
  /** Establishes a fact for the detectors that follow. */
  setFact(name: string, value: FactValue): void;
}

export interface DetectorContext {
  /** Processing time, milliseconds since the epoch; in a replay the event's own time. */
  readonly now: number;
  /** False under an open incident, above the risk bound, and for events that must not be learned from. */
  readonly mayLearn: boolean;
  readonly directory: Directory;
}

/** What a detector says about an event; the engine makes the Detection record (ids, identity, liveness, combined risk). */
export interface Finding {
  readonly title: string;
  readonly severity: Severity;
  /** 0-100 for this finding alone. */
  readonly risk: number;
  /** In plain words with the figures behind it. */
  readonly reason: string;
  readonly figures?: readonly Figure[];
  readonly techniques?: readonly string[];
  readonly tags?: readonly string[];
  /** Ids of events that support it besides the triggering one; at most 100. */
  readonly evidence?: readonly string[];
}

export interface Detector<S = unknown> {
  readonly name: string;
  /** A new version starts at the current offset with empty state. */
  readonly version: string;
  readonly kind: 'rule' | 'baseline';
  /**
   * `identity` state lives with the partition; `partition`: one state for all identities of a partition (peers); the others
   * are fed through rekeyed-events. `none`: stateless.
   */
  readonly keyedBy: 'none' | 'identity' | 'partition' | 'credential_source' | 'target' | 'on_behalf_of';
  createState(): S;
  /** At most 256 KiB. */
  encodeState(state: S): Uint8Array;
  decodeState(bytes: Uint8Array): S;
  /**
   * False where the event cannot concern the detector. Answers from the kind of the body and the names of its actions alone, so
   * that the engine asks once for each combination. Absent: every event may.
   */
  mayConcern?(view: EventView): boolean;
  /** Scores the event against the state, and learns from it where `context.mayLearn`. Deterministic; no clock, no I/O. */
  onEvent(view: EventView, state: S, context: DetectorContext): readonly Finding[];
}
