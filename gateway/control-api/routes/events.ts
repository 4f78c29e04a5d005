import { pageOf } from '../../../schemas/api/common.ts';
import * as api from '../../../schemas/api/events.ts';
import type { Codec } from '../../../schemas/codec.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import type { Filter, SearchPage, SearchQuery } from '../../../platform/search-index/search-index.ts';
import { controlApiError } from '../errors.ts';
import { tailTopic } from '../http/stream.ts';
import { answers, type Resource, type RouteContext } from './route.ts';

/** What a query's fields are called in the index (schemas/ecs). */
const FIELDS = {
  identity: 'user.id',
  session: 'countersign.session.id',
  connection: 'countersign.connection',
  kind: 'event.action',
  incident: 'countersign.incident.id',
  severity: 'countersign.detection.severity',
} as const;

/** What gateways say of themselves, every few seconds. */
const QUIET_KINDS = ['checkpoint', 'heartbeat'] as const;

function toSearch(index: string, query: api.SearchQueryString): SearchQuery {
  const filters: Filter[] = [];
  for (const [name, field] of Object.entries(FIELDS) as [keyof typeof FIELDS, string][]) {
    const is = query[name];
    if (is !== undefined) filters.push({ field, is });
  }
  const { q: text, from, to, after, order, limit, heartbeats } = query;
  if (!heartbeats) filters.push({ not: { field: FIELDS.kind, in: QUIET_KINDS } });
  return {
    index,
    filters,
    order,
    limit,
    ...(text === undefined ? {} : { text }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(after === undefined ? {} : { after }),
  };
}

const toPage = ({ hits, next }: SearchPage) => {
  const items = hits.map(({ id, document }) => ({ id, document: { ...document } }));
  return next === undefined ? { items } : { items, next };
};

interface Shown {
  session: string | readonly string[] | null;
  identity: string | readonly string[] | null;
}

/** Opens the stream that the query asks for. */
function openStream({ services, config }: RouteContext, query: api.StreamQuery) {
  const fits = (wanted: string | undefined, has: string | readonly string[] | null): boolean =>
    wanted === undefined ||
    (has !== null && (typeof has === 'string' ? has === wanted : has.includes(wanted)));
  const tail = <T>(topic: string, codec: Codec<T>, show: (value: T) => Shown) =>
    tailTopic(services, { topic, bytesMax: config.streamBytesMax }, codec, (value) => {
      const { session, identity } = show(value);
      return fits(query.session, session) && fits(query.identity, identity);
    });
  const { codecs } = services;
  if (query.topic === 'session-events')
    return tail(TOPICS.sessionEvents.name, codecs.sessionEvent, (event) => ({
      session: event.session?.id ?? null,
      identity: event.identity?.id ?? null,
    }));
  if (query.topic === 'detections')
    return tail(TOPICS.detections.name, codecs.detection, ({ sessionId, identityId }) => ({
      session: sessionId,
      identity: identityId,
    }));
  if (query.topic === 'incidents')
    return tail(TOPICS.incidents.name, codecs.incident, ({ sessions, identities }) => ({
      session: sessions,
      identity: identities,
    }));
  return tail(TOPICS.responses.name, codecs.response, ({ subject }) => ({
    session: subject.replace(/^session:/, ''),
    identity: subject.replace(/^identity:/, ''),
  }));
}

export const events: Resource = (app, context) => {
  const { services, config } = context;
  for (const [path, index, summary] of [
    ['/v1/events', 'session-events', 'Search session events'],
    ['/v1/detections', 'detections', 'Search detections'],
  ] as const)
    app.get(path, {
      config: { scope: 'read' },
      schema: {
        tags: ['events'],
        summary,
        querystring: api.SearchQueryString,
        response: answers(pageOf(api.Hit)),
      },
      handler: async (request) => toPage(await services.search.search(toSearch(index, request.query))),
    });

  let streams = 0;
  app.get('/v1/events/stream', {
    config: { scope: 'read' },
    schema: {
      tags: ['events'],
      summary: 'Follow a topic from now on, as NDJSON',
      querystring: api.StreamQuery,
      produces: ['application/x-ndjson'],
    },
    async handler(request, reply) {
      if (streams >= config.streamsMax)
        throw controlApiError('CONTROL_API_TOO_MANY_CALLS', { reason: `${streams} event streams are open` });
      streams += 1;
      let open = true;
      const over = (): void => {
        if (open) streams -= 1;
        open = false;
      };
      try {
        const stream = await openStream(context, request.query);
        stream.once('close', over);
        // Headers go at once: who follows must know that it has begun before the first event comes.
        reply.raw.once('close', () => stream.destroy());
        reply.type('application/x-ndjson');
        stream.write('\n');
        return await reply.send(stream);
      } catch (error) {
        over();
        throw error;
      }
    },
  });
};
