import { Readable } from 'node:stream';
import * as api from '../../../schemas/api/events.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import type { SessionEvent } from '../../../schemas/types.ts';
import { controlApiError } from '../errors.ts';
import { exportTopic } from '../http/export.ts';
import { mutate } from '../http/mutation.ts';
import type { Resource } from './route.ts';

export const exports: Resource = (app, { services, config }) => {
  let open = 0;
  async function* lines(wanted: (event: SessionEvent) => boolean): AsyncGenerator<string> {
    const { sessionEvent } = services.codecs;
    open += 1;
    try {
      const options = {
        topic: TOPICS.sessionEvents.name,
        wanted,
        timeOf: ({ time }: SessionEvent) => time,
      };
      for await (const event of exportTopic(services, sessionEvent, options))
        yield `${JSON.stringify(sessionEvent.toJson(event))}\n`;
    } finally {
      open -= 1;
    }
  }

  app.get('/v1/events/export', {
    config: { scope: 'read' },
    schema: {
      tags: ['events'],
      summary:
        "Session events of the log as NDJSON in the schema's JSON form, oldest first, as import takes them",
      querystring: api.ExportQuery,
      produces: ['application/x-ndjson'],
    },
    async handler(request, reply) {
      const { from = -Infinity, to = Infinity, identity, exercises } = request.query;
      const subject = identity === undefined ? 'history' : `identity:${identity}`;
      const mutation = { action: 'event.export', subject, reason: 'events were exported' };
      const stream = await mutate(services, request, mutation, () => {
        if (open >= config.streamsMax)
          throw controlApiError('CONTROL_API_TOO_MANY_CALLS', { reason: `${open} exports are under way` });
        const value = Readable.from(
          lines(
            (event) =>
              event.time >= from &&
              event.time < to &&
              (identity === undefined || event.identity?.id === identity) &&
              (exercises || event.exerciseId === null),
          ),
        );
        return Promise.resolve({ outcome: 'recorded', value });
      });
      return reply.type('application/x-ndjson').send(stream);
    },
  });
};
