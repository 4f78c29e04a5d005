/** Planned sessions as session events, as the gateway would write them (hashes left out). */
import type { Actor, PlannedSession } from '../../../main/exercise/plan.ts';
import type { Random } from '../../../platform/clock/clock.ts';
import type { Identity, SessionEvent, Sha256 } from '../../../schemas/types.ts';
import { analyse } from './analyse.ts';

export const NO_HASH: Sha256 = Buffer.alloc(32);

export function identityOf(actor: Actor, session: PlannedSession): Identity {
  return {
    id: `https://ci.example/${actor.subject}`,
    issuer: 'https://ci.example',
    subject: actor.subject,
    kind: actor.kind,
    displayName: actor.displayName,
    groups: [...(session.groups ?? actor.groups)],
    credentialSource: session.credentialSource ?? actor.credentialSource,
    tokenId: session.tokenId,
    issuedAt: session.tokenIssuedAt,
    expiresAt: session.tokenExpiresAt,
    onBehalfOf: [],
    attributes: {},
  };
}

/** All events of one session, in order. */
export function sessionEvents(actor: Actor, session: PlannedSession, random: Random): SessionEvent[] {
  const identity = identityOf(actor, session);
  const id = random.uuidv7(session.at);
  const events: SessionEvent[] = [];
  const add = (time: number, requestId: string | null, body: SessionEvent['body']): void => {
    events.push({
      eventId: random.uuidv7(time),
      time,
      origin: 'gateway',
      exerciseId: null,
      gateway: { id: 'gw', epoch: 1, sequence: 1 },
      session: { id, sequence: events.length + 1, channel: null },
      requestId,
      controlRevision: 0,
      identity,
      client: { ip: session.ip, port: 40_000, tool: session.tool, version: null },
      target: {
        connection: 'orders-db',
        protocol: 'postgres',
        host: 'db',
        port: 5432,
        database: 'orders',
        role: 'app',
      },
      body,
      gatewayChain: null,
      previousHash: NO_HASH,
      hash: NO_HASH,
    });
  };
  let time = session.at;
  let rows = 0;
  let bytes = 0;
  add(time, null, {
    kind: 'session_opened',
    authentication: 'scram',
    tls: true,
    targetSession: null,
    recordingId: null,
  });
  for (const statement of session.statements) {
    time += statement.afterMs;
    const requestId = random.uuidv7(time);
    add(time, requestId, {
      kind: 'request',
      verb: 'query',
      text: statement.sql,
      textBytes: null,
      textLength: statement.sql.length,
      textDigest: null,
      ...analyse(statement.sql),
      parameterCount: 0,
      parametersDigest: null,
      decision: { decisionId: requestId, outcome: 'allow', rule: 'default', reason: '' },
    });
    add(time + 2, requestId, {
      kind: 'response',
      status: statement.failsWith === undefined ? 'ok' : 'error',
      rows: statement.rows,
      bytes: statement.bytes,
      durationUs: 2000,
      tag: null,
      errorCode: statement.failsWith ?? null,
      errorMessage: null,
      maskedFields: [],
      bodyDigest: null,
    });
    rows += statement.rows;
    bytes += statement.bytes;
  }
  add(time + 10, null, {
    kind: 'session_closed',
    reason: 'client_closed',
    detail: null,
    lockoutId: null,
    incidentId: null,
    durationMs: time + 10 - session.at,
    requests: session.statements.length,
    rows,
    bytes,
  });
  return events;
}

export function planEvents(actor: Actor, plan: readonly PlannedSession[], random: Random): SessionEvent[] {
  return plan
    .flatMap((session) => sessionEvents(actor, session, random))
    .sort((a, b) => a.time - b.time || (a.eventId < b.eventId ? -1 : 1));
}
