/** Grants: access for a time, asked for by a template and given by persons. */
import { IdParams, pageOf } from '../../../schemas/api/common.ts';
import * as api from '../../../schemas/api/approvals.ts';
import type { Grant, Identity } from '../../../schemas/types.ts';
import { approvalError } from '../../approvals/errors.ts';
import type { GrantRequest } from '../../approvals/create-approvals.ts';
import { controlApiError } from '../errors.ts';
import { mayCall, type Principal } from '../http/api-tokens.ts';
import { mutate, valueOf } from '../http/mutation.ts';
import { outcomeOf, seesAll } from './approvals.ts';
import { answers, type Resource } from './route.ts';

const READ_MAX = 10_000;

export const grants: Resource = (app, { services, config }) => {
  const { clock } = services;
  const { store, requestGrant } = services.approvals;
  const shown = ({ kind: _kind, ...grant }: Grant): api.Grant => ({
    ...grant,
    state: grant.endedAt === null && grant.endsAt > clock.now() ? 'in_force' : 'ended',
  });
  /** For whom it is asked: the caller, or whom he may issue tokens to. */
  const holderOf = async (
    principal: Principal,
    identityId: string | undefined,
  ): Promise<GrantRequest['identity']> => {
    const { identity, subject } = principal;
    if (identityId === undefined || identityId === identity?.id) {
      if (identity === undefined)
        throw controlApiError('CONTROL_API_INVALID', {
          part: 'body',
          problems: 'identity is missing: this API token stands for no identity of its own',
        });
      return identity;
    }
    if (!mayCall(principal, 'issue'))
      throw controlApiError('CONTROL_API_FORBIDDEN', { subject, scope: 'issue' });
    const [found] = (await services.identities.list({ limit: 1, id: identityId })).items;
    if (found === undefined)
      throw controlApiError('CONTROL_API_INVALID', { part: 'body', problems: `there is no ${identityId}` });
    const { id, kind, displayName, groups } = found;
    return {
      id,
      kind: kind as Identity['kind'],
      displayName,
      groups: [...groups],
      credentialSource: null,
      // Who asks may not agree either.
      onBehalfOf: [...found.onBehalfOf, ...(identity === undefined ? [] : [identity.id])],
    };
  };

  app.post('/v1/grants', {
    config: { scope: 'any' },
    schema: {
      tags: ['grants'],
      summary: 'Ask for access for a time; answers the approval that persons decide',
      body: api.GrantRequest,
      response: answers(api.Approval),
    },
    handler(request) {
      const { template, connection, durationMs, reason, ticket, identity } = request.body;
      const mutation = { action: 'grant.request', subject: `${template} on ${connection}`, reason };
      return mutate(services, request, mutation, async () => {
        const approval = valueOf(
          await requestGrant({
            identity: await holderOf(request.principal!, identity),
            ip: request.ip,
            template,
            connection,
            durationMs,
            reason,
            ticket: ticket ?? null,
          }),
        );
        const { binding: _binding, gateway: _gateway, ...rest } = approval;
        return { outcome: 'recorded', value: rest as api.Approval };
      });
    },
  });

  app.get('/v1/grants', {
    config: { scope: 'any' },
    schema: {
      tags: ['grants'],
      summary: 'Grants, newest first; without the scope read or approve only your own',
      querystring: api.GrantQuery,
      response: answers(pageOf(api.Grant)),
    },
    async handler(request) {
      const { limit, after, active, identity } = request.query;
      const principal = request.principal!;
      const whose = seesAll(principal) ? identity : principal.subject;
      const all = await store.listGrants({
        limit: READ_MAX,
        ...(after === undefined ? {} : { before: after }),
      });
      const wanted = all
        .map(shown)
        .filter(
          (one) => (!active || one.state === 'in_force') && (whose === undefined || one.identityId === whose),
        );
      const items = wanted.slice(0, limit);
      return wanted.length > limit ? { items, next: items.at(-1)!.grantId } : { items };
    },
  });

  app.post('/v1/grants/:id/end', {
    config: { scope: 'any' },
    schema: {
      tags: ['grants'],
      summary: 'End a grant before its time: your own, or any with the scope contain',
      params: IdParams,
      body: api.WithdrawRequest,
      response: answers(api.Grant),
    },
    handler(request) {
      const { id } = request.params;
      const { reason } = request.body;
      const mutation = { action: 'grant.end', subject: `grant:${id}`, reason };
      return mutate(services, request, mutation, async ({ by }) => {
        const principal = request.principal!;
        const there = (await store.listGrants({ limit: READ_MAX })).find(({ grantId }) => grantId === id);
        if (there === undefined || !(mayCall(principal, 'contain') || there.identityId === principal.subject))
          throw approvalError('GRANT_ABSENT', { grantId: id });
        const value = shown(valueOf(await store.endGrant(id, by)));
        return { outcome: await outcomeOf(services, config.inForceTimeoutMs), value };
      });
    },
  });
};
