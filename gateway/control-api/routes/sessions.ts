import { Readable } from 'node:stream';
import { IdParams, pageOf } from '../../../schemas/api/common.ts';
import * as api from '../../../schemas/api/sessions.ts';
import { controlApiError } from '../errors.ts';
import { isAutomation, mutate, valueOf } from '../http/mutation.ts';
import { answers, type Resource } from './route.ts';

async function* ndjson(lines: AsyncIterable<api.RecordingLine>): AsyncIterable<string> {
  for await (const line of lines) yield `${JSON.stringify(line)}\n`;
}

export const sessions: Resource = (app, { services, config }) => {
  app.get('/v1/sessions', {
    config: { scope: 'read' },
    schema: {
      tags: ['sessions'],
      summary: 'Sessions: those that live, or all',
      querystring: api.SessionQuery,
      response: answers(pageOf(api.SessionSummary)),
    },
    handler: (request) => services.sessions.list(request.query),
  });

  app.get('/v1/sessions/:id', {
    config: { scope: 'read' },
    schema: {
      tags: ['sessions'],
      summary: 'One session',
      params: IdParams,
      response: answers(api.SessionSummary),
    },
    async handler(request) {
      const session = await services.sessions.get(request.params.id);
      if (session === undefined)
        throw controlApiError('CONTROL_API_NOT_FOUND', { what: `session ${request.params.id}` });
      return session;
    },
  });

  app.post('/v1/sessions/:id/end', {
    config: { scope: 'contain' },
    schema: {
      tags: ['sessions'],
      summary: 'End a session and what it runs in the target, on whichever gateway it is',
      params: IdParams,
      body: api.EndSessionRequest,
      response: answers(api.EndSessionAnswer),
    },
    handler(request): Promise<api.EndSessionAnswer> {
      const { id } = request.params;
      const { reason, incidentId, exerciseId, automated } = request.body;
      const mutation = { action: 'session.end', subject: `session:${id}`, reason, incidentId };
      return mutate<api.EndSessionAnswer>(services, request, mutation, async (caller) => {
        const session = await services.sessions.get(id);
        if (session?.state === 'closed')
          return { outcome: 'recorded', value: { sessionId: id, outcome: 'was_over' } };
        // Automation may be faster than what is known of sessions here; a lockout finds the session wherever it is.
        if (session === undefined && !automated)
          throw controlApiError('CONTROL_API_NOT_FOUND', { what: `session ${id}` });
        const { revision } = valueOf(
          await services.control.lockout({
            ...caller,
            reason,
            subjectKind: 'session',
            subject: id,
            incidentId: incidentId ?? null,
            exerciseId: exerciseId ?? null,
            ttlMs: null,
            automation: isAutomation(request, automated) ? {} : null,
            identityIds: session === undefined ? [] : [session.identityId],
          }),
        );
        const applied = await services.inForce(revision, config.inForceTimeoutMs);
        return { outcome: applied ? 'in_force' : 'recorded', value: { sessionId: id, outcome: 'ended' } };
      });
    },
  });

  app.get('/v1/sessions/:id/recording', {
    config: { scope: 'read' },
    schema: {
      tags: ['sessions'],
      summary: 'What the client sent and received, as NDJSON',
      params: IdParams,
      produces: ['application/x-ndjson'],
    },
    async handler(request, reply) {
      const { id } = request.params;
      // Looking at what somebody did is itself an act that the trail must show.
      const mutation = { action: 'recording.read', subject: `session:${id}`, reason: 'replay' };
      const lines = await mutate(services, request, mutation, async () => {
        const value = await services.recordings.read(id);
        if (value === undefined)
          throw controlApiError('CONTROL_API_NOT_FOUND', { what: `recording of session ${id}` });
        return { outcome: 'recorded', value };
      });
      return reply.type('application/x-ndjson').send(Readable.from(ndjson(lines)));
    },
  });
};
