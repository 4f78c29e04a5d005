/** Second factors of approvers: invited by an administrator, enrolled by the person on the page. */
import { IdParams } from '../../../schemas/api/common.ts';
import * as api from '../../../schemas/api/second-factors.ts';
import Type from 'typebox';
import { controlApiError } from '../errors.ts';
import type { FastifyReply, FastifyRequest } from '../http/app.ts';
import { mutate, valueOf } from '../http/mutation.ts';
import { createRateBound } from '../http/rate-bound.ts';
import { answers, type Resource } from './route.ts';

export const secondFactors: Resource = (app, { services }) => {
  const { factors, page } = services.approvals;
  const bound = createRateBound(services.clock, { perSecond: 1, burst: 30 });
  const onRequest = (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void =>
    done(
      bound.take(request.ip)
        ? undefined
        : controlApiError('CONTROL_API_TOO_MANY_CALLS', { reason: 'too many enrolments from this address' }),
    );

  app.post('/v1/second-factors/invitations', {
    config: { scope: 'admin' },
    schema: {
      tags: ['second factors'],
      summary: 'Invite a person to enrol a second factor',
      body: api.InvitationRequest,
      response: answers(api.Invitation),
    },
    handler(request) {
      const { identity } = request.body;
      const mutation = {
        action: 'second_factor.invite',
        subject: `identity:${identity}`,
        reason: 'invited to enrol',
      };
      return mutate(services, request, mutation, async ({ by }) => {
        const made = await factors.invite(identity, by);
        // In the fragment, so that it stands in no log of a proxy.
        return { outcome: 'recorded', value: { ...made, page: `${page()}/approvals/enrol#${made.code}` } };
      });
    },
  });

  app.get('/v1/second-factors/:id', {
    config: { scope: 'read' },
    schema: {
      tags: ['second factors'],
      summary: 'What a person has enrolled',
      params: IdParams,
      response: answers(api.SecondFactorsAnswer),
    },
    async handler(request) {
      const { keys, codes } = await factors.of(request.params.id);
      return { keys: [...keys], codes };
    },
  });

  app.delete('/v1/second-factors/:id', {
    config: { scope: 'admin' },
    schema: {
      tags: ['second factors'],
      summary: 'Take all second factors of a person away (lost, or suspected)',
      params: IdParams,
      response: answers(Type.Object({ removed: Type.Boolean() })),
    },
    handler(request) {
      const { id } = request.params;
      const mutation = { action: 'second_factor.remove', subject: `identity:${id}`, reason: 'removed' };
      return mutate(services, request, mutation, async () => ({
        outcome: 'recorded',
        value: { removed: await factors.remove(id) },
      }));
    },
  });

  // These need no token: the invitation is what they are called with.
  app.post('/v1/second-factors/key/begin', {
    onRequest,
    schema: {
      tags: ['second factors'],
      summary: 'Begin to enrol a security key or passkey',
      body: api.EnrolRequest,
      response: answers(api.BrowserOptions),
    },
    handler: async (request) => valueOf(await factors.beginKey(request.body.code)) as object,
  });

  app.post('/v1/second-factors/key/finish', {
    onRequest,
    schema: {
      tags: ['second factors'],
      summary: 'Enrol it; the invitation is used up',
      body: api.EnrolKeyRequest,
      response: answers(api.Enrolled),
    },
    handler(request) {
      const { code, name, response } = request.body;
      const mutation = { action: 'second_factor.enrol', subject: 'security key', reason: name };
      return mutate(services, request, mutation, async () => ({
        outcome: 'recorded',
        value: valueOf(
          await factors.finishKey(code, response as Parameters<typeof factors.finishKey>[1], name),
        ),
      }));
    },
  });

  app.post('/v1/second-factors/codes/begin', {
    onRequest,
    schema: {
      tags: ['second factors'],
      summary: 'Begin to enrol one-time codes',
      body: api.EnrolRequest,
      response: answers(api.CodesBegun),
    },
    handler: async (request) => valueOf(await factors.beginCodes(request.body.code)),
  });

  app.post('/v1/second-factors/codes/finish', {
    onRequest,
    schema: {
      tags: ['second factors'],
      summary: 'Enrol them; the invitation is used up',
      body: api.EnrolCodesRequest,
      response: answers(api.Enrolled),
    },
    handler(request) {
      const { code, oneTime } = request.body;
      const mutation = { action: 'second_factor.enrol', subject: 'one-time codes', reason: 'enrolled' };
      return mutate(services, request, mutation, async () => ({
        outcome: 'recorded',
        value: valueOf(await factors.finishCodes(code, oneTime)),
      }));
    },
  });
};
