/** One open session: its events, its totals, its end. */
import type { CloseReason, SessionClosed } from '../../schemas/types.ts';
import type { ControlSubject } from '../control/control-view.ts';
import type { RecordingHandle } from '../recording/recorder.ts';
import { newChain, type Chain } from './event-writer.ts';
import type { SessionTotals } from './open-journal.ts';
import { createRequestGates } from './request-gate.ts';
import { MinuteCounter } from './request-rates.ts';
import type { SessionState } from './session-state.ts';
import type { SessionServices } from './session-services.ts';
import type { EndOrder, Session, SessionOpening } from './session.ts';

/** The protocol has this long to report its last responses and close, milliseconds. */
const CLOSE_GRACE_MS = 2000;

export interface LiveSession extends Session {
  readonly opening: SessionOpening;
  readonly subject: ControlSubject;
  readonly chain: Chain;
  readonly totals: SessionTotals;
  readonly openedAt: number;
  readonly recordingId: string | null;
  /** Approvals and grants that something in it went through under. */
  readonly relies: ReadonlySet<string>;
  /** Ends it now; false where it is over or ending already. */
  end(order: EndOrder): boolean;
}

export interface LiveSessionInput {
  readonly id: string;
  readonly recordingId: string | null;
  readonly opening: SessionOpening;
  readonly subject: ControlSubject;
  readonly recording: RecordingHandle;
  /** Called once, when session_closed is on its way. */
  readonly onClosed: (session: LiveSession) => void;
}

export function createLiveSession(services: SessionServices, input: LiveSessionInput): LiveSession {
  const { clock, deferred, view } = services;
  const { id, opening, subject, recording } = input;
  const openedAt = clock.now();
  const startUs = clock.monotonicUs();
  const chain = newChain();
  const state: SessionState = {
    id,
    opening,
    subject,
    chain,
    totals: { requests: 0, rows: 0, bytes: 0 },
    rate: new MinuteCounter(),
    holds: new Set(),
    relies: new Set(opening.relies),
    open: new Map(),
    order: undefined,
    closed: false,
    draft: (body, requestId = null, channel = null) => ({
      body,
      session: { id, chain, channel },
      requestId,
      controlRevision: view.appliedRevision(),
      exerciseId: subject.exerciseId,
      identity: opening.identity,
      client: opening.client,
      target: opening.target,
    }),
  };
  const gates = createRequestGates(services, state);

  const close = (reason: CloseReason, detail: string | null, evidence?: string): void => {
    if (state.closed) return;
    // What was forwarded has no other end any more.
    for (const requestId of state.open.keys())
      gates.response(requestId, { status: 'lost', rows: 0, bytes: 0, durationUs: 0 });
    state.closed = true;
    for (const hold of state.holds) hold.end();
    const { order, totals } = state;
    const said = order?.detail?.slice(0, 2000) ?? order?.error.message ?? detail;
    const body: SessionClosed = {
      kind: 'session_closed',
      reason: order?.reason ?? reason,
      detail: evidence === undefined ? said : [said, evidence].filter(Boolean).join('. ').slice(0, 4000),
      lockoutId: order?.lockoutId ?? null,
      incidentId: order?.incidentId ?? null,
      durationMs: Math.round((clock.monotonicUs() - startUs) / 1000),
      ...totals,
    };
    deferred.write(state.draft(body), { essential: true });
    recording.close();
    input.onClosed(session);
  };
  const session: LiveSession = {
    id,
    opening,
    subject,
    chain,
    totals: state.totals,
    openedAt,
    recordingId: input.recordingId,
    relies: state.relies,
    recording: recording.sink,
    request: (request) => gates.request(request),
    response: (requestId, response) => gates.response(requestId, response),
    close: (reason, detail, evidence) => close(reason, detail ?? null, evidence),
    end(order) {
      if (state.closed || state.order !== undefined) return false;
      state.order = order;
      for (const hold of state.holds) hold.end();
      opening.end(order);
      // Usually the protocol closes within its call; it must not be able to keep a session open by not doing so.
      if (!state.closed) clock.after(CLOSE_GRACE_MS, () => close(order.reason, null), { background: true });
      return true;
    },
  };
  return session;
}
