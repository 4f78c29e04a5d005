/** What must hold at the end of every run, whatever happened in it. */
import { createAuditVerifier } from '../../gateway/recording/verify.ts';
import { LOCKOUTS } from '../../gateway/control/control-writer.ts';
import type { Lockout } from '../../schemas/types.ts';
import type { Book } from './client.ts';
import { CHECKPOINT_MS } from './gateway-process.ts';
import type { Installation } from './installation.ts';
import type { Plan } from './plan.ts';
import { sessionCodec, type Records } from './records.ts';
import type { Target } from './target.ts';
import type { World } from './world.ts';

interface Evidence {
  readonly world: World;
  readonly plan: Plan;
  readonly installation: Installation;
  readonly target: Target;
  readonly book: Book;
  readonly records: Records;
  /** Wall clock when the gateways had stopped. */
  readonly stoppedAt: number;
}

/** What the spool itself refused has no event, and the client was told so. */
const WITHOUT_EVENT = new Set(['SPOOL_FULL', 'SPOOL_FAILED', 'session']);

function nothingLost({ world, plan, target, book, records }: Evidence): void {
  // `async` promises nothing here.
  if (plan.durability === 'async') return;
  const events = new Map<string, Set<string>>();
  for (const { event } of records.events) {
    if (event.body.kind !== 'request' || event.requestId === null) continue;
    events.set(event.requestId, (events.get(event.requestId) ?? new Set()).add(event.eventId));
  }
  for (const { requestId } of target.received) {
    const found = events.get(requestId)?.size ?? 0;
    if (found !== 1)
      world.broken('nothing acknowledged is lost', `${requestId} reached the target and has ${found} events`);
  }
  if (plan.troubles) return;
  for (const { requestId, rule } of book.denied)
    if (!WITHOUT_EVENT.has(rule) && !events.has(requestId))
      world.broken('nothing acknowledged is lost', `${requestId} was denied (${rule}) and has no event`);
}

function everySessionEnds({ world, plan, book, records, target }: Evidence): void {
  const closings = new Map<string, number>();
  // Where something must be flushed first, a session that a crash took before its first request never was.
  const opened = new Set(plan.durability === 'process' ? book.opened.keys() : []);
  for (const { sessionId } of plan.durability === 'async' ? [] : target.received) opened.add(sessionId);
  for (const { event } of records.events) {
    const { session, body } = event;
    if (session === null) continue;
    if (body.kind === 'session_opened') opened.add(session.id);
    if (body.kind === 'session_closed') closings.set(session.id, (closings.get(session.id) ?? 0) + 1);
  }
  for (const id of opened) {
    const count = closings.get(id) ?? 0;
    // With `async` a kill may take the end of a session, as any other event that was still buffered.
    if (count !== 1 && (count > 1 || plan.durability !== 'async'))
      world.broken('every session ends once', `${id} has ${count} session_closed`);
  }
  for (const id of closings.keys())
    if (!opened.has(id)) world.broken('every session ends once', `${id} was closed and never opened`);
  for (const id of target.live) world.broken('every session ends once', `${id} still runs in the target`);
}

function chainsVerify({ world, installation, records, stoppedAt }: Evidence): void {
  const verifier = createAuditVerifier(sessionCodec, {
    publicKeys: installation.publicKeys,
    checkpointMs: CHECKPOINT_MS,
    completeUntil: stoppedAt,
  });
  for (const { framed } of records.events) verifier.take(framed);
  const { problems, checkpoints } = verifier.finish();
  for (const { kind, detail } of problems) world.broken('the audit chain verifies', `${kind}: ${detail}`);
  if (checkpoints === 0) world.broken('the audit chain verifies', 'there is no checkpoint');
}

async function oneEffectPerKey({ world, installation, records }: Evidence): Promise<Lockout[]> {
  const entries = await installation.store.list(LOCKOUTS, { limit: 10_000 });
  const lockouts = entries.map(({ value }) => value as unknown as Lockout);
  const byKey = new Map<string, number>();
  for (const { createdBy } of lockouts) byKey.set(createdBy, (byKey.get(createdBy) ?? 0) + 1);
  for (const [key, count] of byKey)
    if (count > 1) world.broken('no control effect twice', `${key} made ${count} lockouts`);
  for (const { action, state, idempotencyKey, subject } of records.responses)
    if (action === 'lock_out' && state === 'done' && !byKey.has(`responder ${idempotencyKey}`))
      world.broken('no control effect lost', `the lockout of ${subject} was reported done and is not there`);
  return lockouts;
}

/** What was forwarded although its own event says that a lockout was known, and views that never heard of one. */
function lockoutsHold(
  { world, installation, records, target }: Evidence,
  lockouts: readonly Lockout[],
): void {
  for (const gateway of installation.gateways())
    for (const lockout of lockouts) {
      const subject = {
        sessionId: lockout.subjectKind === 'session' ? lockout.subject : null,
        tokenId: lockout.subjectKind === 'token' ? lockout.subject : null,
        identityId: lockout.subjectKind === 'identity' ? lockout.subject : 'nobody',
        credentialSource: lockout.subjectKind === 'credential_source' ? lockout.subject : null,
        connection: null,
        exerciseId: null,
      };
      const over = lockout.expiresAt !== null && lockout.subjectKind !== 'identity';
      if (!over && gateway.view.check(subject) === undefined)
        world.broken('lockouts reach every gateway', `${gateway.id} does not know ${lockout.lockoutId}`);
    }
  const denied = new Set<string>();
  for (const { event } of records.events)
    if (event.body.kind === 'decision' && event.body.decision.outcome === 'deny' && event.requestId !== null)
      denied.add(event.requestId);
  for (const { requestId } of target.received)
    if (denied.has(requestId))
      world.broken('nothing under a lockout', `${requestId} ran although its decision is a denial`);
}

function everythingIsDecided({ world, records }: Evidence): void {
  const decided = new Set<string>();
  for (const { body } of records.verdicts) if (body.kind === 'decided') decided.add(body.detectionId);
  for (const { detectionId, detector } of records.detections)
    if (!decided.has(detectionId))
      world.broken('every detection is decided', `${detectionId} of ${detector} has no verdict`);
}

export async function checkInvariants(evidence: Evidence): Promise<void> {
  nothingLost(evidence);
  everySessionEnds(evidence);
  chainsVerify(evidence);
  lockoutsHold(evidence, await oneEffectPerKey(evidence));
  everythingIsDecided(evidence);
}
