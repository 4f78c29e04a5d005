/** Sessions as the control API shows them: live ones of all gateways, closed ones from the search index. */
import type { SessionsService } from '../../gateway/control-api/services.ts';
import type { GatewaySessions } from '../../gateway/sessions/create-sessions.ts';
import type { Elsewhere } from '../../gateway/sessions/elsewhere.ts';
import { summaryOf } from '../../gateway/sessions/session-summary.ts';
import type { IndexDocument, SearchIndex } from '../../platform/search-index/search-index.ts';
import type { SessionSummary } from '../../schemas/api/sessions.ts';

const INDEX = 'session-events';

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

/** Live sessions that one question looks at. */
const LIVE_MAX = 10_000;

/** Does a lockout of this subject hit the session? */
function isHit(session: SessionSummary, kind: string, subject: string): boolean {
  switch (kind) {
    case 'session':
      return session.sessionId === subject;
    case 'token':
      return session.tokenId === subject;
    case 'identity':
      return session.identityId === subject;
    case 'credential_source':
      return session.credentialSource === subject;
    default:
      return session.connection === subject;
  }
}

export function createSessionService(
  sessions: GatewaySessions & { readonly elsewhere: Elsewhere },
  search: SearchIndex,
  gatewayId: string,
): SessionsService {
  const own = (): SessionSummary[] =>
    sessions
      .list()
      .map((session) => summaryOf(session, gatewayId))
      .toReversed();
  const live = async (): Promise<SessionSummary[]> =>
    [...own(), ...(await sessions.elsewhere.list(LIVE_MAX))].sort(
      (one, other) => other.openedAt - one.openedAt,
    );
  const closedFilter = { field: 'event.action', is: 'session_closed' } as const;
  return {
    async list({ state, identity, connection, limit, after }) {
      const fits = (summary: SessionSummary): boolean =>
        (identity === undefined || summary.identityId === identity) &&
        (connection === undefined || summary.connection === connection);
      const open = after === undefined ? (await live()).filter(fits) : [];
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
      if (session !== undefined) return summaryOf(session, gatewayId);
      const other = await sessions.elsewhere.get(id);
      if (other !== undefined) return other;
      const { hits } = await search.search({
        index: INDEX,
        filters: [closedFilter, { field: 'countersign.session.id', is: id }],
        limit: 1,
      });
      return hits[0] === undefined ? undefined : fromClosed(hits[0].document);
    },
    async identitiesHit(kind, subject) {
      // Its own id is known; of a token the store knows. Nothing else is looked up, since a lockout must not wait.
      if (kind === 'identity') return [subject];
      const here = own();
      const there =
        kind === 'session'
          ? [await sessions.elsewhere.get(subject)]
          : kind === 'token'
            ? []
            : await sessions.elsewhere.list(LIVE_MAX);
      const hit = [...here, ...there].filter(
        (session) => session !== undefined && isHit(session, kind, subject),
      );
      return [...new Set(hit.map((session) => session!.identityId))];
    },
  };
}
