import { ReloadAnswer } from '../../../schemas/api/reload.ts';
import { mutate } from '../http/mutation.ts';
import { answers, type Resource } from './route.ts';

export const reload: Resource = (app, { services }) => {
  app.post('/v1/reload', {
    config: { scope: 'admin' },
    schema: {
      tags: ['service'],
      summary: 'Read policy, playbooks, rules and directory again; with a mistake nothing changes',
      response: answers(ReloadAnswer),
    },
    handler(request) {
      const mutation = {
        action: 'service.reload',
        subject: `gateway:${services.gatewayId}`,
        reason: 'asked',
      };
      return mutate(services, request, mutation, async () => {
        const value = await services.reload();
        return { outcome: value.applied ? 'recorded' : 'refused', value };
      });
    },
  });
};
