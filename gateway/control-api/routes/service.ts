import Type from 'typebox';
import { Listener } from '../../../schemas/api/connect.ts';
import { Health, WhoAmI } from '../../../schemas/api/service.ts';
import { controlApiError } from '../errors.ts';
import { answers, type Resource } from './route.ts';

const ProtocolParams = Type.Object({ protocol: Type.String({ pattern: '^[a-z0-9-]{1,32}$' }) });
export const service: Resource = (app, { services }) => {
  app.get('/v1/whoami', {
    config: { scope: 'any' },
    schema: { tags: ['service'], summary: 'Who calls, and what it may do', response: answers(WhoAmI) },
    handler: ({ principal }) =>
      Promise.resolve({ subject: principal!.subject, scopes: [...principal!.scopes] }),
  });

  app.get('/v1/listeners/:protocol', {
    config: { scope: 'read' },
    schema: {
      tags: ['service'],
      summary: 'Where clients of a protocol connect to',
      params: ProtocolParams,
      response: answers(Listener),
    },
    handler(request) {
      const { protocol } = request.params;
      const listener = services.listener(protocol);
      if (listener === undefined)
        return Promise.reject(controlApiError('CONTROL_API_NOT_FOUND', { what: `listener for ${protocol}` }));
      const { hostKeys, ...rest } = listener;
      return Promise.resolve({ ...rest, ...(hostKeys === undefined ? {} : { hostKeys: [...hostKeys] }) });
    },
  });

  app.get('/healthz', {
    schema: {
      tags: ['service'],
      summary: 'The process lives',
      response: { 200: Type.Object({ ok: Type.Boolean() }) },
    },
    handler: () => Promise.resolve({ ok: true }),
  });

  app.get('/readyz', {
    schema: {
      tags: ['service'],
      summary: 'Every role is ready to serve',
      response: { 200: Health, 503: Health },
    },
    handler(_request, reply) {
      const health = services.health();
      reply.code(health.ready ? 200 : 503);
      return Promise.resolve(health);
    },
  });

  app.get('/metrics', {
    config: { scope: 'read' },
    schema: { tags: ['service'], summary: 'Figures as OpenMetrics text', produces: ['text/plain'] },
    async handler(_request, reply) {
      return reply.type('text/plain; version=0.0.4').send(await services.metrics.expose());
    },
  });
};
