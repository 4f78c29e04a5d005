/** Sessions as the control API shows them: live ones from this gateway, closed ones from the search index. */
import type { SessionsService } from '../../gateway/control-api/services.ts';
import type { GatewaySessions } from '../../gateway/sessions/create-sessions.ts';
import type { LiveSession } from '../../gateway/sessions/live-session.ts';
import type { IndexDocument, SearchIndex } from '../../platform/search-index/search-index.ts';
import type { SessionSummary } from '../../schemas/api/sessions.ts';

const INDEX = 'session-events';

function fromLive(session: LiveSession, gateway: string): SessionSummary {
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

const text = (document: IndexDocument, field: string): string | null => {
  const value = document[field];
  return value === undefined || value === null ? null : String(value);
};
const number = (document: IndexDocument, field: string): number => Number(document[field] ?? 0);

/** From the document of a session_closed event. */
function fromClosed(document: IndexDocument): SessionSummary {
  const closedAt = document['@timestamp'];
  return {
    sessionId: text(document, 'countersign.session.id') ?? '',
    state: 'closed',
    gateway: text(document, 'observer.name') ?? '',
    identityId: text(document, 'user.id') ?? '',
    identityKind: text(document, 'countersign.identity.kind') ?? 'unknown',
    displayName: text(document, 'user.full_name') ?? text(document, 'user.name') ?? '',
    tokenId: text(document, 'countersign.identity.token_id'),
    credentialSource: text(document, 'countersign.identity.credential_source'),
    connection: text(document, 'countersign.connection') ?? '',
    protocol: text(document, 'network.protocol') ?? '',
    database: text(document, 'countersign.target.database'),
    clientIp: text(document, 'source.ip') ?? '',
    tool: text(document, 'user_agent.name'),
    openedAt: closedAt - number(document, 'event.duration') / 1e6,
    closedAt,
    closeReason: text(document, 'countersign.session.close_reason'),
    requests: number(document, 'countersign.session.requests'),
    rows: number(document, 'countersign.session.rows'),
    bytes: number(document, 'countersign.session.bytes'),
    recordingId: text(document, 'countersign.session.id'),
  };
}

export function createSessionService(
  sessions: GatewaySessions,
  search: SearchIndex,
  gatewayId: string,
): SessionsService {
  const live = (): SessionSummary[] =>
    sessions
      .list()
      .map((session) => fromLive(session, gatewayId))
      .toReversed();
  const closedFilter = { field: 'event.action', is: 'session_closed' } as const;
  return {
    async list({ state, identity, connection, limit, after }) {
      const fits = (summary: SessionSummary): boolean =>
        (identity === undefined || summary.identityId === identity) &&
        (connection === undefined || summary.connection === connection);
      const open = after === undefined ? live().filter(fits) : [];
      if (state === 'live' || open.length >= limit) return { items: open.slice(0, limit) };
      const page = await search.search({
        index: INDEX,
        filters: [
          closedFilter,
          ...(identity === undefined ? [] : [{ field: 'user.id', is: identity }]),
          ...(connection === undefined ? [] : [{ field: 'countersign.connection', is: connection }]),
        ],
        limit: limit - open.length,
        ...(after === undefined ? {} : { after }),
      });
      const items = [...open, ...page.hits.map(({ document }) => fromClosed(document))];
      return page.next === undefined ? { items } : { items, next: page.next };
    },
    async get(id) {
      const session = sessions.get(id);
      if (session !== undefined) return fromLive(session, gatewayId);
      const { hits } = await search.search({
        index: INDEX,
        filters: [closedFilter, { field: 'countersign.session.id', is: id }],
        limit: 1,
      });
      return hits[0] === undefined ? undefined : fromClosed(hits[0].document);
    },
    identitiesHit(kind, subject) {
      const hit = sessions.list().filter(({ subject: of }) => {
        switch (kind) {
          case 'session':
            return of.sessionId === subject;
          case 'token':
            return of.tokenId === subject;
          case 'identity':
            return of.identityId === subject;
          case 'credential_source':
            return of.credentialSource === subject;
          default:
            return of.connection === subject;
        }
      });
      return [...new Set(hit.map(({ subject: of }) => of.identityId))];
    },
  };
}
