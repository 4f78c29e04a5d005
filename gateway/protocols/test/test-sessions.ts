/** Sessions for a protocol's listener alone: the gate's outcomes are told by the test, and all is written down. */
import type { Limits } from '../../policy/decision.ts';
import type {
  EndOrder,
  GateDecision,
  RequestInput,
  ResponseInput,
  Session,
  SessionOpening,
  Sessions,
} from '../../sessions/session.ts';
import { lockedOut } from './robot.ts';

export interface SeenRequest {
  readonly id: string;
  readonly input: RequestInput;
  readonly outcome: 'allow' | 'deny' | 'held';
  responses: ResponseInput[];
}

export interface SeenSession {
  readonly opening: SessionOpening;
  readonly requests: SeenRequest[];
  readonly closes: { reason: string; detail: string | undefined; evidence: string | undefined }[];
  readonly recorded: { stream: 'in' | 'out' | 'size'; requestId: string | null; bytes: Buffer }[];
  end(reason?: EndOrder['reason']): void;
}

export interface TestSessions {
  readonly sessions: SeenSession[];
  readonly refusals: { code: string; claimedName: string | null; identity: string | null }[];
  decide: (input: RequestInput) => 'allow' | 'deny' | Promise<'allow' | 'deny'>;
  /** What decisions say that answers may not pass. */
  limits: Limits | undefined;
  /** Called when a client waits no more for what is held. */
  onGiveUp: () => void;
  /** The recording asks to wait while this is a promise. */
  recordingBlocked: Promise<void> | undefined;
  keepRecording: boolean;
}

/** What the test sees and steers, and the port that stands before it. The connection `refused` is refused at open. */
export function createTestSessions(): { readonly seen: TestSessions; readonly port: Sessions } {
  const seen: TestSessions = {
    sessions: [],
    refusals: [],
    decide: () => 'allow',
    limits: undefined,
    onGiveUp: () => undefined,
    recordingBlocked: undefined,
    keepRecording: true,
  };
  let ids = 0;
  const decisionOf = (input: RequestInput, outcome: 'allow' | 'deny'): GateDecision => ({
    outcome,
    decisionId: `0193a000-0000-7000-8000-${String(ids).padStart(12, '0')}`,
    rule: input.forcedDenial?.rule ?? 'test-rule',
    reason: input.forcedDenial?.reason ?? 'the test says so',
    ...(seen.limits === undefined ? {} : { limits: seen.limits }),
  });
  const open = (opening: SessionOpening): Session => {
    const requests: SeenRequest[] = [];
    const byId = new Map<string, SeenRequest>();
    const closes: SeenSession['closes'] = [];
    const recorded: SeenSession['recorded'] = [];
    seen.sessions.push({
      opening,
      requests,
      closes,
      recorded,
      end: (reason = 'killed') =>
        opening.end({ reason, error: lockedOut('killed by the test'), lockoutId: null, incidentId: null }),
    });
    return {
      id: `session-${seen.sessions.length}`,
      recording: {
        write(stream, requestId, bytes) {
          if (seen.keepRecording) recorded.push({ stream, requestId, bytes: Buffer.from(bytes) });
          return seen.recordingBlocked === undefined;
        },
        drained: () => seen.recordingBlocked ?? Promise.resolve(),
      },
      request(input) {
        const requestId = `request-${(ids += 1)}`;
        const decided = input.forcedDenial === undefined ? seen.decide(input) : 'deny';
        const held = decided instanceof Promise;
        const request: SeenRequest = {
          id: requestId,
          input,
          outcome: held ? 'held' : decided,
          responses: [],
        };
        requests.push(request);
        byId.set(requestId, request);
        return {
          requestId,
          first: held ? 'hold_verdict' : decided,
          decision: held ? decided.then((given) => decisionOf(input, given)) : decisionOf(input, decided),
          ...(held ? { abandon: () => seen.onGiveUp() } : {}),
        };
      },
      response: (requestId, input) => void byId.get(requestId)!.responses.push(input),
      close: (reason, detail, evidence) => void closes.push({ reason, detail, evidence }),
    };
  };
  const port: Sessions = {
    open(opening) {
      if (opening.target.connection !== 'refused') return { ok: true, session: open(opening) };
      const error = lockedOut('at open');
      seen.refusals.push({ code: error.code, claimedName: null, identity: opening.identity.id });
      return { ok: false, error };
    },
    refused: ({ error, claimedName, identity }) =>
      void seen.refusals.push({ code: error.code, claimedName, identity: identity?.id ?? null }),
  };
  return { seen, port };
}
