/** What an action is: it describes itself, finds its subject in a detection, and is carried out on it. */
import type { Static, TSchema } from 'typebox';
import type { Scope } from '../../schemas/api/common.ts';
import type { Detection, Incident } from '../../schemas/types.ts';
import type { ControlApi } from '../http/control-api.ts';
import type { Notifiers } from '../notifiers/notifier.ts';

/** What actions may use. */
export interface ActionServices {
  readonly controlApi: ControlApi;
  readonly notifiers: Notifiers;
}

export interface ActionCall<P = unknown> {
  readonly parameters: P;
  /** `kind:id` of what is acted on. */
  readonly subject: string;
  readonly incident: Incident;
  readonly playbook: {
    readonly name: string;
    readonly budget: { readonly identitiesMax: number; readonly windowMs: number } | null;
  };
  /** In plain words, for clients and the audit trail. */
  readonly reason: string;
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

export type ActionOutcome =
  | { readonly state: 'done'; readonly detail: string; readonly lockoutId?: string }
  /** Refused by a safety of the gateway: budget or break-glass. `needsPerson`: somebody must decide now. */
  | { readonly state: 'skipped'; readonly detail: string; readonly needsPerson: boolean }
  | { readonly state: 'failed'; readonly detail: string; readonly passing: boolean };

export type SubjectResult =
  | { readonly ok: true; readonly subject: string }
  | { readonly ok: false; readonly reason: string };

export interface ActionDefinition<S extends TSchema> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly parameters: S;
  /** Scopes that the responder's API token needs. */
  readonly scopes: readonly Scope[];
  /** Takes access away: goes first, and is what `ask` asks about. */
  readonly containing: boolean;
  /** A step as it stands in a playbook. */
  readonly example: string;
  subject(parameters: Static<S>, detection: Detection): SubjectResult;
  /** What would stop it whatever the detection: said when the playbook is loaded. */
  preflight(parameters: Static<S>, services: ActionServices): string | undefined;
  /** Must be safe to repeat with the same key. Never rejects for what can be expected. */
  run(call: ActionCall<Static<S>>, services: ActionServices): Promise<ActionOutcome>;
}

/** An action with its parameters' type forgotten; parameters are checked against the schema when a playbook is loaded. */
export type Action = ActionDefinition<TSchema>;

export function defineAction<S extends TSchema>(definition: ActionDefinition<S>): Action {
  return definition;
}
