/** What people need to reach a connection with clients of their own; a token that works is enough. */
import { NameParams } from '../../../schemas/api/common.ts';
import { ConnectAnswer } from '../../../schemas/api/connect.ts';
import { controlApiError } from '../errors.ts';
import { answers, type Resource } from './route.ts';

export const connect: Resource = (app, { services }) => {
  app.get('/v1/connect/:name', {
    config: { scope: 'any' },
    schema: {
      tags: ['connections'],
      summary: 'How a client reaches a connection',
      params: NameParams,
      response: answers(ConnectAnswer),
    },
    handler(request) {
      const { name } = request.params;
      const protocol = services.connections.protocolOf(name);
      if (protocol === undefined)
        return Promise.reject(controlApiError('CONTROL_API_NOT_FOUND', { what: `connection ${name}` }));
      const listener = services.listener(protocol);
      if (listener === undefined)
        return Promise.reject(controlApiError('CONTROL_API_NO_LISTENER', { connection: name, protocol }));
      const { hostKeys, ...rest } = listener;
      return Promise.resolve({
        name,
        protocol,
        listener: { ...rest, ...(hostKeys === undefined ? {} : { hostKeys: [...hostKeys] }) },
      });
    },
  });
};
