/**
 * Judges planned sessions in event time: detectors as shipped, the shipped policy for what is held or denied, the shipped playbooks for
 * what would act. Used by `npm run bench -- detect`; what counts as stopped here is what the running system would have stopped.
 */
import type { Detection, SessionEvent } from '../../schemas/types.ts';
import type { Policy } from '../../gateway/policy/decision.ts';
import type { Playbook } from '../../responders/playbooks/playbook.ts';
import { effectiveMode, playbookMatches } from '../../responders/playbooks/match.ts';

export interface TrialOutcome {
  /** The first detection that made a playbook act, and when. */
  readonly stoppedBy: Detection | null;
  readonly stoppedAt: number | null;
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
  readonly policy: Policy;
  readonly playbooks: readonly Playbook[];
}

/** Would the detection make a playbook lock out? */
export function acts(detection: Detection, playbooks: readonly Playbook[]): boolean {
  return playbooks.some(
    (playbook) =>
      playbook.steps.some(({ action }) => action.name === 'lock_out') &&
      playbookMatches(playbook, detection, 1) &&
      effectiveMode(playbook, { ...detection, live: true, origin: 'gateway' }, true) === 'act',
  );
}

/** Feeds events in the order of time until something acts; denied requests are answered as the gateway would. */
export function runTrial(events: readonly SessionEvent[], deps: TrialDeps): TrialOutcome {
  const denied = new Set<string>();
  const held = new Set<string>();
  const detections: Detection[] = [];
  let stoppedBy: Detection | null = null;
  let stoppedAt: number | null = null;
  let requests = 0;
  let rowsLeaked = 0;
  let rowsPlanned = 0;
  let neverRan = 0;
  for (const original of events) {
    let event = original;
    const { body } = event;
    if (body.kind === 'response') rowsPlanned += body.rows;
    if (stoppedBy !== null) {
      if (body.kind === 'request') neverRan += 1;
      continue;
    }
    if (body.kind === 'request') {
      requests += 1;
      const decided = deps.policy.decide({
        identity: event.identity!,
        client: event.client!,
        target: event.target!,
        actions: body.actions,
        risk: body.risk,
        fingerprint: body.fingerprint,
        now: event.time,
      });
      event = { ...event, body: { ...body, decision: { ...body.decision, ...decided } } };
      if (decided.outcome === 'deny') denied.add(event.requestId!);
      if (decided.outcome === 'hold_verdict') held.add(event.requestId!);
    } else if (body.kind === 'response' && denied.has(event.requestId!)) {
      event = { ...event, body: { ...body, status: 'denied', rows: 0, bytes: 0, errorCode: '42501' } };
      neverRan += 1;
    }
    const found = deps.take(event);
    detections.push(...found);
    stoppedBy = found.find((detection) => acts(detection, deps.playbooks)) ?? null;
    const ran = event.body.kind === 'response';
    if (ran) rowsLeaked += (event.body as { rows: number }).rows;
    if (stoppedBy === null) continue;
    stoppedAt = event.time;
    // A held request never runs; one that was let through is on its way, and its answer counts as leaked.
    if (body.kind === 'request' && (held.has(event.requestId!) || denied.has(event.requestId!)))
      neverRan += 1;
    else if (body.kind === 'request') rowsLeaked += pendingRows(events, event.requestId!);
  }
  const highestRisk = Math.max(0, ...detections.map(({ identityRisk }) => identityRisk));
  return { stoppedBy, stoppedAt, requests, rowsLeaked, rowsPlanned, neverRan, detections, highestRisk };
}

/** Rows of the answer to a request that was on its way when the session was stopped. */
function pendingRows(events: readonly SessionEvent[], requestId: string): number {
  for (const { body, requestId: id } of events)
    if (body.kind === 'response' && id === requestId) return body.rows;
  return 0;
}
