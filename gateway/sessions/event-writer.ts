/** Makes events: envelope, sequences, hash chains, codec, spool. The only place that numbers events. */
import type { Clock, Random } from '../../platform/clock/clock.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { Codec } from '../../schemas/codec.ts';
import type { Client, Identity, SessionEvent, Target } from '../../schemas/types.ts';
import { HASH_BYTES, ZERO_HASH } from '../recording/audit-bytes.ts';
import type { AppendOptions, Spool } from '../recording/spool.ts';
import { createEventEncoder } from './event-frame.ts';
import { eventKey } from './event-key.ts';
import type { Signer } from './signing-key.ts';
import { checkpointBytes } from '../recording/audit-bytes.ts';

/** A chain's last event; changed by the writer, the bytes of the hash in their place. */
export interface Chain {
  sequence: number;
  readonly hash: Buffer;
}
export const newChain = (): Chain => ({ sequence: 0, hash: Buffer.alloc(HASH_BYTES) });

/** Sets a chain to a known event. */
export function setChain(chain: Chain, sequence: number, hash: Uint8Array): void {
  chain.sequence = sequence;
  chain.hash.set(hash);
}

export interface EventDraft {
  readonly body: SessionEvent['body'];
  readonly session: { readonly id: string; readonly chain: Chain; readonly channel?: string | null } | null;
  readonly requestId?: string | null;
  readonly controlRevision: number;
  readonly exerciseId?: string | null;
  readonly identity: Identity | null;
  readonly client: Client | null;
  readonly target: Target | null;
}

export type Written =
  | {
      readonly ok: true;
      readonly eventId: string;
      readonly durable: Promise<CountersignError | undefined> | undefined;
    }
  | { readonly ok: false; readonly error: CountersignError };

export interface EventWriter {
  /** Writes now or says why not; then nothing was numbered. */
  write(draft: EventDraft, options?: AppendOptions & { readonly eventId?: string }): Written;
  /** Writes a checkpoint over these heads. */
  checkpoint(
    heads: readonly { readonly sessionId: string; readonly sequence: number; readonly hash: Buffer }[],
    signer: Signer,
  ): Written;
  /** The gateway's own chain. */
  readonly gatewayChain: Chain;
  /** Id for an event or request. */
  newId(): string;
}

export interface EventWriterDeps {
  readonly spool: Spool;
  readonly codec: Codec<SessionEvent>;
  readonly clock: Clock;
  readonly random: Random;
}

function advance(chain: Chain, hash: string): void {
  chain.sequence += 1;
  chain.hash.write(hash, 'latin1');
}

/** Kinds that link into the gateway's chain although they belong to a session. */
const ENDS = new Set(['session_opened', 'session_closed', 'session_refused']);

export function createEventWriter(
  { spool, codec, clock, random }: EventWriterDeps,
  { id, epoch, gatewayChain }: { readonly id: string; readonly epoch: number; readonly gatewayChain: Chain },
): EventWriter {
  const encode = createEventEncoder(codec);
  let sequence = 0;

  const write = (
    draft: EventDraft,
    options: AppendOptions & { readonly eventId?: string; readonly time?: number } = {},
  ): Written => {
    const { session, body } = draft;
    const time = options.time ?? clock.now();
    const eventId = options.eventId ?? random.uuidv7(time);
    const inGatewayChain = session === null || ENDS.has(body.kind);
    const exerciseId = draft.exerciseId ?? null;
    const event: SessionEvent = {
      eventId,
      time,
      origin: exerciseId === null ? 'gateway' : 'exercise',
      exerciseId,
      gateway: { id, epoch, sequence: sequence + 1 },
      session:
        session === null
          ? null
          : { id: session.id, sequence: session.chain.sequence + 1, channel: session.channel ?? null },
      requestId: draft.requestId ?? null,
      controlRevision: draft.controlRevision,
      identity: draft.identity,
      client: draft.client,
      target: draft.target,
      body,
      gatewayChain: inGatewayChain
        ? { sequence: gatewayChain.sequence + 1, previousHash: gatewayChain.hash }
        : null,
      previousHash: session?.chain.hash ?? ZERO_HASH,
      hash: ZERO_HASH,
    };
    const { entry, hash } = encode(event, body.kind === 'data' ? 'data' : 'events', eventKey(event));
    const appended = spool.append(entry, options);
    if (!appended.ok) return appended;
    sequence += 1;
    if (inGatewayChain) advance(gatewayChain, hash);
    if (session !== null) advance(session.chain, hash);
    return { ok: true, eventId, durable: appended.durable };
  };

  return {
    write,
    checkpoint(heads, signer) {
      const time = clock.now();
      const content = {
        gatewayId: id,
        epoch,
        gatewaySequence: sequence,
        chainSequence: gatewayChain.sequence + 1,
        chainPreviousHash: gatewayChain.hash,
        time,
        heads: [...heads],
      };
      const draft: EventDraft = {
        body: {
          kind: 'checkpoint',
          gatewaySequence: sequence,
          heads: [...heads],
          keyId: signer.keyId,
          signature: signer.sign(checkpointBytes(content)),
        },
        session: null,
        controlRevision: 0,
        identity: null,
        client: null,
        target: null,
      };
      return write(draft, { essential: true, time });
    },
    gatewayChain,
    newId: () => random.uuidv7(clock.now()),
  };
}
