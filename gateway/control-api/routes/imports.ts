import type { IncomingMessage } from 'node:http';
import * as api from '../../../schemas/api/imports.ts';
import { mutate } from '../http/mutation.ts';
import { answers, type Resource } from './route.ts';

export const imports: Resource = (app, { services }) => {
  // The body is read as it comes: a history may be larger than any bound on a body.
  app.addContentTypeParser(
    'application/x-ndjson',
    (_request: unknown, payload: IncomingMessage, done: (error: null, body: unknown) => void) =>
      done(null, payload),
  );
  app.post('/v1/events/import', {
    config: { scope: 'admin' },
    schema: {
      tags: ['events'],
      summary: "Import session events, one JSON object a line (the schema's JSON form); they never act",
      consumes: ['application/x-ndjson'],
      querystring: api.ImportQuery,
      response: answers(api.ImportAnswer),
    },
    handler(request) {
      const { exercise, wait } = request.query;
      const mutation = {
        action: 'event.import',
        subject: exercise === undefined ? 'history' : `exercise:${exercise}`,
        reason: 'events were imported',
      };
      return mutate(services, request, mutation, async () => {
        const source = request.body as AsyncIterable<Uint8Array>;
        const value = await services.importEvents(source, {
          exerciseId: exercise ?? null,
          waitDetected: wait === 'detected',
        });
        return { outcome: 'recorded', value };
      });
    },
  });
};
