/** Checks a stream of events offline: hashes, chains, gaps, and the signatures of checkpoints (docs/audit-trail.md). */
import { createPublicKey, verify as verifySignature, type KeyObject } from 'node:crypto';
import type { Codec } from '../../schemas/codec.ts';
import type { SessionEvent } from '../../schemas/types.ts';
import { checkpointBytes, eventHash, HASH_BYTES, ZERO_HASH } from './audit-bytes.ts';

export interface AuditProblem {
  readonly kind:
    | 'unreadable'
    | 'hash'
    | 'session-chain'
    | 'gateway-chain'
    | 'gap'
    | 'fork'
    | 'signature'
    | 'unknown-key'
    | 'head'
    | 'uncovered'
    | 'truncated';
  readonly eventId: string | null;
  /** In plain words. */
  readonly detail: string;
}

export interface AuditReport {
  readonly events: number;
  readonly checkpoints: number;
  /** Empty where everything holds; at most 1,000. */
  readonly problems: readonly AuditProblem[];
}

export interface AuditOptions {
  /** Public keys in PEM by key id; they must come from elsewhere than the events. */
  readonly publicKeys: Readonly<Record<string, string>>;
  /** The stream is said to reach to here: an earlier last checkpoint means that the tail is cut off. Milliseconds since the epoch. */
  readonly completeUntil?: number;
  /** Longest time between checkpoints. */
  readonly checkpointMs: number;
  /** True where the stream begins somewhere inside: the first event of each chain is then taken as it is. */
  readonly startsInside?: boolean;
}

export interface AuditVerifier {
  /** Takes the next event. Events of one session and of one gateway must come in their order; partitions may be mixed. */
  take(framed: Buffer): void;
  finish(): AuditReport;
}

interface Link {
  sequence: number;
  hash: Buffer;
}
interface GatewayState {
  readonly gatewayId: string;
  readonly epoch: number;
  sequences: Set<number>;
  first: number;
  last: number;
  covered: number;
  lastCheckpointAt: number;
}

const PROBLEMS_MAX = 1000;

/** Memory grows with sessions and with events per epoch (a few bytes each). */
export function createAuditVerifier(codec: Codec<SessionEvent>, options: AuditOptions): AuditVerifier {
  const keys = new Map<string, KeyObject>(
    Object.entries(options.publicKeys).map(([keyId, pem]) => [keyId, createPublicKey(pem)]),
  );
  const problems: AuditProblem[] = [];
  const sessions = new Map<string, Map<number, Buffer>>();
  const lastOfSession = new Map<string, Link>();
  const gatewayLinks = new Map<string, Link>();
  const epochs = new Map<string, GatewayState>();
  const heads: { eventId: string; sessionId: string; sequence: number; hash: Buffer }[] = [];
  let events = 0;
  let checkpoints = 0;

  const problem = (kind: AuditProblem['kind'], event: SessionEvent | null, detail: string): void => {
    if (problems.length < PROBLEMS_MAX) problems.push({ kind, eventId: event?.eventId ?? null, detail });
  };
  const link = (
    kind: 'session-chain' | 'gateway-chain',
    event: SessionEvent,
    before: Link | undefined,
    sequence: number,
    previousHash: Buffer,
  ): void => {
    if (before === undefined && options.startsInside === true) return;
    const expected = (before?.sequence ?? 0) + 1;
    if (sequence > expected) problem('gap', event, `${kind}: ${expected} to ${sequence - 1} are missing`);
    else if (sequence < expected) problem('fork', event, `${kind}: ${sequence} comes after ${expected - 1}`);
    else if (!previousHash.equals(before?.hash ?? ZERO_HASH))
      problem(kind, event, `${kind}: ${sequence} does not follow the event before it`);
  };
  const checkCheckpoint = (event: SessionEvent, state: GatewayState): void => {
    const { body, gatewayChain } = event;
    if (body.kind !== 'checkpoint') return;
    checkpoints += 1;
    const key = keys.get(body.keyId);
    if (key === undefined || gatewayChain === null) {
      problem(
        'unknown-key',
        event,
        `the checkpoint is signed with ${body.keyId}, which is not among the keys`,
      );
      return;
    }
    const bytes = checkpointBytes({
      gatewayId: event.gateway.id,
      epoch: event.gateway.epoch,
      gatewaySequence: body.gatewaySequence,
      chainSequence: gatewayChain.sequence,
      chainPreviousHash: gatewayChain.previousHash,
      time: event.time,
      heads: body.heads,
    });
    if (!verifySignature(null, bytes, key, body.signature)) {
      problem('signature', event, 'the signature of a checkpoint is false');
      return;
    }
    state.covered = Math.max(state.covered, body.gatewaySequence);
    state.lastCheckpointAt = Math.max(state.lastCheckpointAt, event.time);
    for (const { sessionId, sequence, hash } of body.heads)
      heads.push({ eventId: event.eventId, sessionId, sequence, hash });
  };
  const checkHeads = (): void => {
    for (const { eventId, sessionId, sequence, hash } of heads) {
      const there = sessions.get(sessionId)?.get(sequence);
      if (there?.equals(hash) === true) continue;
      const detail =
        there === undefined
          ? `a checkpoint names event ${sequence} of session ${sessionId}, which is missing`
          : `event ${sequence} of session ${sessionId} is not the one that a checkpoint names`;
      if (there === undefined && options.startsInside === true && !sessions.has(sessionId)) continue;
      if (problems.length < PROBLEMS_MAX) problems.push({ kind: 'head', eventId, detail });
    }
  };
  const checkEpochs = (): void => {
    for (const [name, state] of epochs) {
      const from = options.startsInside === true ? state.first : 1;
      const until = Math.max(state.last, state.covered);
      let missing = 0;
      for (let sequence = from; sequence <= until; sequence += 1)
        if (!state.sequences.has(sequence)) missing += 1;
      if (missing > 0) problem('gap', null, `${missing} events of gateway ${name} are missing`);
    }
    const latest = Math.max(0, ...[...epochs.values()].map(({ lastCheckpointAt }) => lastCheckpointAt));
    const { completeUntil, checkpointMs } = options;
    if (completeUntil !== undefined && latest < completeUntil - 2 * checkpointMs)
      problem(
        'truncated',
        null,
        `no checkpoint after ${new Date(latest).toISOString()}: the tail is missing`,
      );
    const states = [...epochs.values()];
    for (const [name, state] of epochs) {
      // A crash ends an epoch without checkpoint; the chains go on in a later one, whose checkpoints cover it. Not always in the
      // next: a start that fails before its first event uses up a number too.
      if (states.some(({ gatewayId, epoch }) => gatewayId === state.gatewayId && epoch > state.epoch))
        continue;
      // The checkpoint itself is the event after what it covers.
      const open = state.last - state.covered - 1;
      if (open > 0 && completeUntil !== undefined)
        problem('uncovered', null, `the last ${open} events of gateway ${name} are under no checkpoint yet`);
    }
  };

  return {
    take(framed) {
      const read = codec.decode(framed);
      if (!read.ok) {
        problem('unreadable', null, read.reason);
        return;
      }
      const event = read.value;
      events += 1;
      const digest = codec.digestOf(framed) ?? codec.schemaDigest;
      if (!eventHash(digest, framed).equals(framed.subarray(framed.length - HASH_BYTES)))
        problem('hash', event, 'the event is not what was written');
      const { session, gateway, gatewayChain } = event;
      if (session !== null) {
        link('session-chain', event, lastOfSession.get(session.id), session.sequence, event.previousHash);
        lastOfSession.set(session.id, { sequence: session.sequence, hash: event.hash });
        const known = sessions.get(session.id) ?? new Map<number, Buffer>();
        known.set(session.sequence, event.hash);
        sessions.set(session.id, known);
      }
      if (gatewayChain !== null) {
        link(
          'gateway-chain',
          event,
          gatewayLinks.get(gateway.id),
          gatewayChain.sequence,
          gatewayChain.previousHash,
        );
        gatewayLinks.set(gateway.id, { sequence: gatewayChain.sequence, hash: event.hash });
      }
      const name = `${gateway.id} epoch ${gateway.epoch}`;
      const state = epochs.get(name) ?? {
        gatewayId: gateway.id,
        epoch: gateway.epoch,
        sequences: new Set(),
        first: gateway.sequence,
        last: 0,
        covered: 0,
        lastCheckpointAt: 0,
      };
      if (state.sequences.has(gateway.sequence))
        problem('fork', event, `two events are number ${gateway.sequence} of gateway ${name}`);
      state.sequences.add(gateway.sequence);
      state.last = Math.max(state.last, gateway.sequence);
      state.first = Math.min(state.first, gateway.sequence);
      epochs.set(name, state);
      checkCheckpoint(event, state);
    },
    finish() {
      checkHeads();
      checkEpochs();
      return { events, checkpoints, problems };
    },
  };
}
