/**
 * A sink carries records to one receiver outside. What every kind has in common (offsets, retry, splitting, dead-letters, filter)
 * is in deliver.ts and sink-role.ts; a kind only says how a batch becomes bytes, sends them once and says what came of it.
 * To add a kind: a folder here, its config in schemas/config/sinks.ts, one case in registry.ts. Suite: test/conformance.ts.
 */
import type { EcsDocument } from '../../schemas/ecs/ecs-document.ts';
import type { OcsfEvent } from '../../schemas/ocsf/ocsf-event.ts';
import type { SecretReference } from '../../schemas/config/secret.ts';
import type { Clock } from '../../platform/clock/clock.ts';

/** One record as a receiver gets it. */
export interface OutgoingDocument {
  /** The same each time this record is sent, and for every copy of it in the log: receivers dedupe by it. */
  readonly deliveryId: string;
  /** The topic without `countersign.`. */
  readonly index: string;
  /** Flat ECS document, as in the search index. */
  readonly fields: EcsDocument;
  /** The same as an OCSF event, for a sink that sends that. */
  readonly ocsf?: OcsfEvent;
}

export type SendOutcome =
  /** Every document is with the receiver. */
  | { readonly outcome: 'delivered' }
  /** The receiver will never take this batch as it is: what is at fault in it is looked for, and given up. */
  | { readonly outcome: 'refused'; readonly reason: string }
  /** The batch is too large; halves of it may not be. */
  | { readonly outcome: 'too-large'; readonly reason: string }
  | {
      readonly outcome: 'failed';
      readonly reason: string;
      /**
       * batch: the receiver answered that it failed on this batch, so the batch may be the cause; cut: it went away while
       * it had the batch; receiver: nothing that is in the batch can be the cause (unreachable, wrong certificate, not allowed, busy).
       */
      readonly cause: 'batch' | 'cut' | 'receiver';
      /** The receiver asks for this wait. */
      readonly retryAfterMs?: number;
    };

export interface Sink {
  /** Bytes that a document takes in a batch. */
  sizeOf(document: OutgoingDocument): number;
  /** Sends a batch once; never rejects. The signal ends it early. */
  send(batch: readonly OutgoingDocument[], signal: AbortSignal): Promise<SendOutcome>;
  close(): void;
}

export interface SinkDeps {
  readonly clock: Clock;
  readonly readSecret: (reference: SecretReference) => Promise<string>;
  /** Version of this program. */
  readonly version: string;
  /** Name of this machine. */
  readonly hostname: string;
}
