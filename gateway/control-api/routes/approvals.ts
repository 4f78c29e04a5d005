/** Approvals: who waits, what persons decide, and taking it all back. */
import { IdParams, pageOf } from '../../../schemas/api/common.ts';
import * as api from '../../../schemas/api/approvals.ts';
import { BrowserOptions } from '../../../schemas/api/second-factors.ts';
import { stateAt, type StoredApproval } from '../../approvals/approval.ts';
import { approvalError } from '../../approvals/errors.ts';
import type { Approver } from '../../approvals/approver.ts';
import type { ControlApiServices } from '../services.ts';
import { mayCall, type Principal } from '../http/api-tokens.ts';
import { mutate, valueOf } from '../http/mutation.ts';
import { answers, type Resource } from './route.ts';

/** Looked through for one page. */
const READ_MAX = 10_000;

/** Whether the caller may see approvals of others. */
export const seesAll = (principal: Principal): boolean =>
  mayCall(principal, 'read') || mayCall(principal, 'approve');

/** Who decides; only persons with a token of their own can. */
function personOf(principal: Principal): Approver['identity'] {
  const { identity, subject } = principal;
  if (identity === undefined) throw approvalError('APPROVAL_NOT_A_PERSON', { by: subject });
  return identity;
}

/** `in_force` once every gateway with a live lease knows what was decided so far. */
export async function outcomeOf(
  services: Pick<ControlApiServices, 'approvals' | 'inForce'>,
  timeoutMs: number,
): Promise<'in_force' | 'recorded'> {
  const revision = await services.approvals.lastRevision();
  return (await services.inForce(revision, timeoutMs)) ? 'in_force' : 'recorded';
}

export const approvals: Resource = (app, { services, config }) => {
  const { clock } = services;
  const { store, factors } = services.approvals;
  const shown = ({ binding: _binding, gateway: _gateway, ...approval }: StoredApproval): api.Approval =>
    ({
      ...approval,
      state: stateAt(approval, clock.now()),
    }) as api.Approval;
  const found = async (approvalId: string, principal: Principal): Promise<StoredApproval> => {
    const approval = await store.get(approvalId);
    if (approval === undefined || !(seesAll(principal) || approval.identityId === principal.subject))
      throw approvalError('APPROVAL_ABSENT', { approvalId });
    return approval;
  };

  app.get('/v1/approvals', {
    config: { scope: 'any' },
    schema: {
      tags: ['approvals'],
      summary: 'Approvals, newest first; without the scope read or approve only your own',
      querystring: api.ApprovalQuery,
      response: answers(pageOf(api.Approval)),
    },
    async handler(request) {
      const { limit, after, state, identity } = request.query;
      const principal = request.principal!;
      const whose = seesAll(principal) ? identity : principal.subject;
      const all = await store.list({ limit: READ_MAX, ...(after === undefined ? {} : { before: after }) });
      const wanted = all
        .map(shown)
        .filter(
          (one) =>
            (state === undefined || one.state === state) && (whose === undefined || one.identityId === whose),
        );
      const items = wanted.slice(0, limit);
      return wanted.length > limit ? { items, next: items.at(-1)!.approvalId } : { items };
    },
  });

  app.get('/v1/approvals/:id', {
    config: { scope: 'any' },
    schema: {
      tags: ['approvals'],
      summary: 'One approval: who, what, why, and what was said',
      params: IdParams,
      response: answers(api.Approval),
    },
    handler: async (request) => shown(await found(request.params.id, request.principal!)),
  });

  app.post('/v1/approvals/:id/challenge', {
    config: { scope: 'approve' },
    schema: {
      tags: ['approvals'],
      summary: 'What a browser needs to have your security key sign for this approval',
      params: IdParams,
      response: answers(BrowserOptions),
    },
    async handler(request) {
      const { id } = request.params;
      const { id: identityId } = personOf(request.principal!);
      await found(id, request.principal!);
      return valueOf(await factors.challenge(identityId, id)) as object;
    },
  });

  app.post('/v1/approvals/:id/decide', {
    config: { scope: 'approve' },
    schema: {
      tags: ['approvals'],
      summary: 'Agree or refuse, as a person',
      params: IdParams,
      body: api.DecideRequest,
      response: answers(api.Approval),
    },
    handler(request) {
      const { id } = request.params;
      const { granted, reason, factor } = request.body;
      const mutation = { action: 'approval.decide', subject: `approval:${id}`, reason };
      return mutate(services, request, mutation, async () => {
        const identity = personOf(request.principal!);
        await found(id, request.principal!);
        const proved =
          factor === undefined
            ? null
            : valueOf(await factors.prove(identity.id, id, factor as Parameters<typeof factors.prove>[2]));
        const decided = valueOf(await store.decide(id, { identity, factor: proved }, { granted, reason }));
        await services.approvals.recordDecided({ approvalId: id, granted, by: identity.id, reason });
        services.approvals.notices.tell(decided);
        return { outcome: await outcomeOf(services, config.inForceTimeoutMs), value: shown(decided) };
      });
    },
  });

  app.post('/v1/approvals/:id/withdraw', {
    config: { scope: 'any' },
    schema: {
      tags: ['approvals'],
      summary: 'Take a request back: your own, or any with the scope approve',
      params: IdParams,
      body: api.WithdrawRequest,
      response: answers(api.Approval),
    },
    handler(request) {
      const { id } = request.params;
      const { reason } = request.body;
      const mutation = { action: 'approval.withdraw', subject: `approval:${id}`, reason };
      return mutate(services, request, mutation, async ({ by }) => {
        await found(id, request.principal!);
        return { outcome: 'recorded', value: shown(valueOf(await store.withdraw(id, by, reason))) };
      });
    },
  });

  app.post('/v1/approvals/revoke', {
    config: { scope: 'contain' },
    schema: {
      tags: ['approvals'],
      summary: 'Revoke all approvals of a window, of an identity; what they opened ends at once',
      body: api.RevokeRequest,
      response: answers(api.RevokeAnswer),
    },
    handler(request) {
      const { since, until, identity, connection, reason, incidentId } = request.body;
      const mutation = {
        action: 'approval.revoke',
        subject: identity === undefined ? 'all' : `identity:${identity}`,
        reason,
        incidentId,
      };
      return mutate(services, request, mutation, async ({ by }) => {
        const value = await store.revoke({
          since,
          until: until ?? clock.now() + 1,
          ...(identity === undefined ? {} : { identityId: identity }),
          ...(connection === undefined ? {} : { connection }),
          by,
          reason,
        });
        return { outcome: await outcomeOf(services, config.inForceTimeoutMs), value };
      });
    },
  });
};
