import { pageOf } from '../../../schemas/api/common.ts';
import { IdentityQuery, IdentityRecord, IdentityReview } from '../../../schemas/api/identities.ts';
import { mutate, valueOf } from '../http/mutation.ts';
import { answers, pageOptions, type Resource } from './route.ts';

export const identities: Resource = (app, { services }) => {
  app.get('/v1/identities', {
    config: { scope: 'read' },
    schema: {
      tags: ['identities'],
      summary: "Identities of the gateway's own",
      querystring: IdentityQuery,
      response: answers(pageOf(IdentityRecord)),
    },
    handler(request) {
      const { id } = request.query;
      return services.identities.list({ ...pageOptions(request.query), ...(id === undefined ? {} : { id }) });
    },
  });

  app.get('/v1/identities/review', {
    config: { scope: 'read' },
    schema: {
      tags: ['identities'],
      summary: 'What should be looked at: owners that are gone, unused rights, tokens that live too long',
      response: answers(IdentityReview),
    },
    handler: () => services.identities.review(),
  });

  app.put('/v1/identities', {
    config: { scope: 'admin' },
    schema: {
      tags: ['identities'],
      summary: 'Make or change an identity',
      body: IdentityRecord,
      response: answers(IdentityRecord),
    },
    handler(request) {
      const mutation = { action: 'identity.put', subject: `identity:${request.body.id}`, reason: 'changed' };
      return mutate(services, request, mutation, async (caller) => ({
        outcome: 'recorded',
        value: valueOf(await services.identities.put(request.body, caller)),
      }));
    },
  });
};
