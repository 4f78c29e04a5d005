import { IdParams, pageOf } from '../../../schemas/api/common.ts';
import * as api from '../../../schemas/api/tokens.ts';
import { controlApiError } from '../errors.ts';
import { mayCall } from '../http/api-tokens.ts';
import { isAutomation, mutate, valueOf } from '../http/mutation.ts';
import { answers, pageOptions, type Resource } from './route.ts';

export const tokens: Resource = (app, { services }) => {
  app.post('/v1/tokens', {
    config: { scope: 'issue' },
    schema: {
      tags: ['tokens'],
      summary: 'Issue a token; its secret is shown once',
      body: api.IssueTokenRequest,
      response: answers(api.IssueTokenAnswer),
    },
    handler(request, reply) {
      const { identityId } = request.body;
      reply.header('cache-control', 'no-store');
      const mutation = {
        action: 'token.issue',
        subject: `identity:${identityId}`,
        reason: 'a token was asked for',
      };
      return mutate(services, request, mutation, async (caller) => {
        // What an exercise does never leads to a real response: no issuer may hand that out.
        const marked = Object.keys(request.body.attributes ?? {}).some((name) => name.startsWith('exercise'));
        if (marked && !mayCall(request.principal!, 'admin'))
          throw controlApiError('CONTROL_API_FORBIDDEN', { subject: caller.by, scope: 'admin' });
        return { outcome: 'recorded', value: valueOf(await services.tokens.issue(request.body, caller)) };
      });
    },
  });

  app.get('/v1/tokens', {
    config: { scope: 'read' },
    schema: {
      tags: ['tokens'],
      summary: 'Tokens, without their secrets',
      querystring: api.TokenQuery,
      response: answers(pageOf(api.TokenSummary)),
    },
    handler(request) {
      const { identity, live } = request.query;
      return services.tokens.list({
        ...pageOptions(request.query),
        live,
        ...(identity === undefined ? {} : { identity }),
      });
    },
  });

  app.post('/v1/tokens/:id/revoke', {
    config: { scope: 'contain' },
    schema: {
      tags: ['tokens'],
      summary: 'A token never works again; its live sessions end',
      params: IdParams,
      body: api.RevokeTokenRequest,
      response: answers(api.RevokeTokenAnswer),
    },
    handler(request) {
      const { id } = request.params;
      const { reason, incidentId, automated } = request.body;
      const mutation = { action: 'token.revoke', subject: `token:${id}`, reason, incidentId };
      return mutate(services, request, mutation, async (caller) => {
        const result = await services.control.revokeToken(id, {
          ...caller,
          reason,
          incidentId: incidentId ?? null,
          automation: isAutomation(request, automated) ? {} : null,
        });
        if (result === undefined) throw controlApiError('CONTROL_API_NOT_FOUND', { what: `token ${id}` });
        const { tokenId, revokedAt } = valueOf(result);
        return { outcome: 'recorded', value: { tokenId, revokedAt } };
      });
    },
  });
};
