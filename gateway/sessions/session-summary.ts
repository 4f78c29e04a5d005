import type { SessionSummary } from '../../schemas/api/sessions.ts';
import type { LiveSession } from './live-session.ts';

/** A live session as the control API shows it. */
export function summaryOf(session: LiveSession, gateway: string): SessionSummary {
  const { identity, client, target } = session.opening;
  return {
    sessionId: session.id,
    state: 'live',
    gateway,
    identityId: identity.id,
    identityKind: identity.kind,
    displayName: identity.displayName,
    tokenId: identity.tokenId,
    credentialSource: identity.credentialSource,
    connection: target.connection,
    protocol: target.protocol,
    database: target.database,
    clientIp: client.ip,
    tool: client.tool,
    openedAt: session.openedAt,
    closedAt: null,
    closeReason: null,
    ...session.totals,
    recordingId: session.recordingId,
  };
}
