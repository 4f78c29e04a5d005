import Type from 'typebox';
import { NameParams, PageQuery, pageOf } from '../../../schemas/api/common.ts';
import * as api from '../../../schemas/api/connections.ts';
import { controlApiError } from '../errors.ts';
import { mutate, valueOf } from '../http/mutation.ts';
import { answers, pageOptions, type Resource } from './route.ts';

const absent = (name: string) => controlApiError('CONTROL_API_NOT_FOUND', { what: `connection ${name}` });

export const connections: Resource = (app, { services }) => {
  app.get('/v1/connections', {
    config: { scope: 'read' },
    schema: {
      tags: ['connections'],
      summary: 'Connections, without their credentials',
      querystring: Type.Object(PageQuery),
      response: answers(pageOf(api.Connection)),
    },
    handler: (request) => services.connections.list(pageOptions(request.query)),
  });

  app.put('/v1/connections/:name', {
    config: { scope: 'admin' },
    schema: {
      tags: ['connections'],
      summary: 'Make or change a connection',
      params: NameParams,
      body: api.ConnectionPut,
      response: answers(api.Connection),
    },
    handler(request) {
      const { name } = request.params;
      const mutation = { action: 'connection.put', subject: `connection:${name}`, reason: 'changed' };
      return mutate(services, request, mutation, async (caller) => ({
        outcome: 'recorded',
        value: valueOf(await services.connections.put(name, request.body, caller)),
      }));
    },
  });

  app.delete('/v1/connections/:name', {
    config: { scope: 'admin' },
    schema: {
      tags: ['connections'],
      summary: 'Remove a connection; sessions on it go on',
      params: NameParams,
      response: answers(Type.Object({ name: Type.String() })),
    },
    handler(request) {
      const { name } = request.params;
      const mutation = { action: 'connection.remove', subject: `connection:${name}`, reason: 'removed' };
      return mutate(services, request, mutation, async (caller) => {
        if (!(await services.connections.remove(name, caller))) throw absent(name);
        return { outcome: 'recorded', value: { name } };
      });
    },
  });

  app.post('/v1/connections/:name/check', {
    config: { scope: 'read' },
    schema: {
      tags: ['connections'],
      summary: 'Try the connection, step by step',
      params: NameParams,
      response: answers(api.ConnectionCheck),
    },
    async handler(request) {
      const check = await services.connections.check(request.params.name);
      if (check === undefined) throw absent(request.params.name);
      return check;
    },
  });
};
