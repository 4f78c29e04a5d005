/**
 * Judges planned sessions in event time: detectors as shipped, the shipped policy for what is held or denied, the shipped playbooks for
 * what would act. Used by `npm run bench -- detect`; what counts as stopped here is what the running system would have stopped.
 */
import type { Detection, SessionEvent } from '../../schemas/types.ts';
import type { DirectPolicy } from '../../gateway/policy/decision.ts';
import type { Playbook } from '../../responders/playbooks/playbook.ts';
import { effectiveMode, playbookMatches } from '../../responders/playbooks/match.ts';

export interface TrialOutcome {
  /** The first detection that made a playbook act, and when. */
  readonly stoppedBy: Detection | null;
  readonly stoppedAt: number | null;
  /** The first detection for which a playbook would have asked a person, and when (people are never locked out unasked). */
  readonly askedBy: Detection | null;
  readonly askedAt: number | null;
  /** Requests until then, the stopped one included. */
  readonly requests: number;
  /** Rows that had gone to the client by then. */
  readonly rowsLeaked: number;
  /** Rows that the whole plan would have taken. */
  readonly rowsPlanned: number;
  /** Requests that policy denied or held and that never ran. */
  readonly neverRan: number;
  readonly detections: readonly Detection[];
  readonly highestRisk: number;
}

export interface TrialDeps {
  readonly take: (event: SessionEvent) => readonly Detection[];
  readonly policy: DirectPolicy;
  readonly playbooks: readonly Playbook[];
}

/** What the playbooks that lock out make of the detection, were it live: `ask` waits for a person. */
export function wouldLockOut(detection: Detection, playbooks: readonly Playbook[]): 'act' | 'ask' | null {
  let found: 'ask' | null = null;
  for (const playbook of playbooks) {
    if (!playbook.steps.some(({ action }) => action.name === 'lock_out')) continue;
    if (!playbookMatches(playbook, detection, 1)) continue;
    const mode = effectiveMode(playbook, { ...detection, live: true, origin: 'gateway' }, true);
    if (mode === 'act') return 'act';
    if (mode === 'ask') found = 'ask';
  }
  return found;
}

/**
 * Feeds events in the order of time until something acts; denied requests are answered as the gateway would. `counts` says which events
 * are of the change: requests, rows and the peak are counted over these.
 */
export function runTrial(
  events: readonly SessionEvent[],
  deps: TrialDeps,
  counts: (event: SessionEvent) => boolean = () => true,
): TrialOutcome {
  const denied = new Set<string>();
  const held = new Set<string>();
  const detections: Detection[] = [];
  let stoppedBy: Detection | null = null;
  let stoppedAt: number | null = null;
  let askedBy: Detection | null = null;
  let askedAt: number | null = null;
  let requests = 0;
  let rowsLeaked = 0;
  let rowsPlanned = 0;
  let neverRan = 0;
  for (const original of events) {
    const counted = counts(original);
    const { body } = original;
    let event = original;
    if (counted && body.kind === 'response') rowsPlanned += body.rows;
    if (stoppedBy !== null) {
      if (counted && body.kind === 'request') neverRan += 1;
      continue;
    }
    if (body.kind === 'request') {
      if (counted) requests += 1;
      const decided = deps.policy.decide({
        identity: event.identity!,
        client: event.client!,
        target: event.target!,
        actions: body.actions,
        risk: body.risk,
        fingerprint: body.fingerprint,
        now: event.time,
      });
      const { outcome, rule, reason } = decided;
      event = { ...event, body: { ...body, decision: { ...body.decision, outcome, rule, reason } } };
      if (outcome === 'deny') denied.add(event.requestId!);
      if (outcome === 'hold_verdict' || outcome === 'hold_approval') held.add(event.requestId!);
    } else if (body.kind === 'response' && denied.has(event.requestId!)) {
      event = { ...event, body: { ...body, status: 'denied', rows: 0, bytes: 0, errorCode: '42501' } };
      if (counted) neverRan += 1;
    }
    const found = deps.take(event);
    detections.push(...found);
    for (const detection of found) {
      const mode = wouldLockOut(detection, deps.playbooks);
      if (mode === 'act') stoppedBy ??= detection;
      if (mode !== 'ask' || askedBy !== null) continue;
      askedBy = detection;
      askedAt = event.time;
    }
    if (counted && event.body.kind === 'response') rowsLeaked += event.body.rows;
    if (stoppedBy === null) continue;
    stoppedAt = event.time;
    // A held request never runs; one that was let through is on its way, and its answer counts as leaked.
    if (!counted || body.kind !== 'request') continue;
    if (held.has(event.requestId!) || denied.has(event.requestId!)) neverRan += 1;
    else rowsLeaked += pendingRows(events, event.requestId!);
  }
  const highestRisk = Math.max(0, ...detections.map(({ identityRisk }) => identityRisk));
  return {
    stoppedBy,
    stoppedAt,
    askedBy,
    askedAt,
    requests,
    rowsLeaked,
    rowsPlanned,
    neverRan,
    detections,
    highestRisk,
  };
}

/** Rows of the answer to a request that was on its way when the session was stopped. */
function pendingRows(events: readonly SessionEvent[], requestId: string): number {
  for (const { body, requestId: id } of events)
    if (body.kind === 'response' && id === requestId) return body.rows;
  return 0;
}
