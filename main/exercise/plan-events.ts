/** Planned sessions as session events, as the gateway would have written them: for histories, which go through codec, log and detectors in event time. */
import type { Random } from '../../platform/clock/clock.ts';
import type { Action, Identity, RiskClass, SessionEvent, Target } from '../../schemas/types.ts';
import type { Actor, PlannedSession } from './plan.ts';

/** What a statement does, from the same analyser that the gateway uses. */
export interface AnalysedStatement {
  readonly actions: Action[];
  readonly risk: RiskClass;
  readonly fingerprint: string | null;
  readonly text: string;
}

export interface PlanContext {
  readonly random: Pick<Random, 'uuidv7'>;
  readonly analyse: (sql: string) => AnalysedStatement;
  readonly target: Target;
  readonly origin: 'exercise' | 'import';
  readonly exerciseId: string | null;
  /** How the protocol speaks; PostgreSQL's way where absent. */
  readonly speech?: Speech;
}

export interface Speech {
  readonly authentication: string;
  readonly verb: string;
  /** Tag of an answer that went well, as far as rules look at it. */
  readonly tagOf: (statement: { readonly sql: string; readonly rows: number }) => string;
}

const ISSUER = 'countersign';
const NO_HASH = Buffer.alloc(32);
const STATEMENT_DURATION_US = 1800;

/** The identity of an actor as it stands on the events of one session. */
export function identityOf(actor: Actor, session: PlannedSession): Identity {
  return {
    id: `${ISSUER}/${actor.subject}`,
    issuer: ISSUER,
    subject: actor.subject,
    kind: actor.kind,
    displayName: actor.displayName,
    groups: [...(session.groups ?? actor.groups)],
    credentialSource: session.credentialSource ?? actor.credentialSource,
    tokenId: session.tokenId,
    issuedAt: session.tokenIssuedAt,
    expiresAt: session.tokenExpiresAt,
    onBehalfOf: [],
    attributes: { timeZone: actor.timeZone },
  };
}

export const SSH_SPEECH: Speech = { authentication: 'publickey', verb: 'exec', tagOf: () => 'exit 0' };

/** The command tag as PostgreSQL sends it, as far as rules look at it. */
function tagOf({ sql, rows }: { readonly sql: string; readonly rows: number }): string {
  const verb = /^\s*(\w+)/.exec(sql)?.[1]?.toUpperCase() ?? '';
  if (verb === 'INSERT') return `INSERT 0 ${rows}`;
  return ['SELECT', 'UPDATE', 'DELETE', 'COPY'].includes(verb) ? `${verb} ${rows}` : verb;
}

const POSTGRES_SPEECH: Speech = { authentication: 'scram-sha-256', verb: 'query', tagOf };

/** Makes the events of sessions; gateway sequences grow over all calls of one maker. */
export function createPlanEvents(
  context: PlanContext,
): (actor: Actor, session: PlannedSession) => Generator<SessionEvent> {
  let gatewaySequence = 0;
  const { authentication, verb, tagOf: tagFor } = context.speech ?? POSTGRES_SPEECH;
  return function* eventsOf(actor, session) {
    const sessionId = context.random.uuidv7(session.at);
    const identity = identityOf(actor, session);
    const client = {
      ip: session.ip,
      port: 40_000 + (session.at % 20_000),
      tool: session.tool,
      version: null,
    };
    let sequence = 0;
    let now = session.at;
    const make = (body: SessionEvent['body'], requestId: string | null = null): SessionEvent => {
      sequence += 1;
      gatewaySequence += 1;
      return {
        eventId: context.random.uuidv7(now),
        time: now,
        origin: context.origin,
        exerciseId: context.exerciseId,
        gateway: { id: 'history', epoch: 1, sequence: gatewaySequence },
        session: { id: sessionId, sequence, channel: null },
        requestId,
        controlRevision: 0,
        identity,
        client,
        target: context.target,
        body,
        gatewayChain: null,
        previousHash: NO_HASH,
        hash: NO_HASH,
      };
    };
    yield make({
      kind: 'session_opened',
      authentication,
      tls: true,
      targetSession: null,
      recordingId: null,
    });
    let rows = 0;
    let bytes = 0;
    for (const statement of session.statements) {
      now += statement.afterMs;
      const requestId = context.random.uuidv7(now);
      const { actions, risk, fingerprint, text } = context.analyse(statement.sql);
      const decision = {
        decisionId: requestId,
        outcome: 'allow' as const,
        rule: 'history',
        reason: 'it was allowed at the time',
      };
      const textLength = Buffer.byteLength(statement.sql);
      yield make(
        {
          kind: 'request',
          verb,
          text,
          textBytes: null,
          textLength,
          textDigest: null,
          fingerprint,
          actions,
          risk,
          parameterCount: 0,
          parametersDigest: null,
          decision,
        },
        requestId,
      );
      now += Math.ceil(STATEMENT_DURATION_US / 1000);
      const failed = statement.failsWith !== undefined;
      yield make(
        {
          kind: 'response',
          status: failed ? 'error' : 'ok',
          rows: failed ? 0 : statement.rows,
          bytes: failed ? 0 : statement.bytes,
          durationUs: STATEMENT_DURATION_US,
          tag: failed ? null : tagFor(statement),
          errorCode: statement.failsWith ?? null,
          errorMessage: null,
          maskedFields: [],
          bodyDigest: null,
        },
        requestId,
      );
      rows += statement.rows;
      bytes += statement.bytes;
    }
    now += 5;
    yield make({
      kind: 'session_closed',
      reason: 'client_closed',
      detail: null,
      lockoutId: null,
      incidentId: null,
      durationMs: now - session.at,
      requests: session.statements.length,
      rows,
      bytes,
    });
  };
}
