import { IdParams, pageOf } from '../../../schemas/api/common.ts';
import * as api from '../../../schemas/api/lockouts.ts';
import type { Lockout } from '../../../schemas/types.ts';
import { lockoutState } from '../../control/control-view.ts';
import { isAutomation, mutate, valueOf } from '../http/mutation.ts';
import { answers, type Resource } from './route.ts';

/** Lockouts are kept in the order they were made; people look at the newest. */
const LOCKOUTS_READ_MAX = 10_000;

export const lockouts: Resource = (app, { services, config }) => {
  const shown = ({ kind: _kind, ...lockout }: Lockout): api.Lockout => ({
    ...lockout,
    state: lockoutState({ kind: 'lockout', ...lockout }, services.clock.now()),
  });

  app.post('/v1/lockouts', {
    config: { scope: 'contain' },
    schema: {
      tags: ['lockouts'],
      summary: 'Lock out a session, token, identity, credential source or connection',
      body: api.LockoutRequest,
      response: answers(api.LockoutAnswer),
    },
    handler(request): Promise<api.LockoutAnswer> {
      const { subjectKind, subject, reason, ttlMs, incidentId, exerciseId, automated, budget, wait } =
        request.body;
      const mutation = { action: 'lockout.create', subject: `${subjectKind}:${subject}`, reason, incidentId };
      return mutate(services, request, mutation, async (caller) => {
        const { lockout, revision } = valueOf(
          await services.control.lockout({
            ...caller,
            reason,
            subjectKind,
            subject,
            incidentId: incidentId ?? null,
            exerciseId: exerciseId ?? null,
            ttlMs: ttlMs ?? null,
            automation: isAutomation(request, automated) ? { budget } : null,
            identityIds: await services.sessions.identitiesHit(subjectKind, subject),
          }),
        );
        const applied = wait === 'in_force' && (await services.inForce(revision, config.inForceTimeoutMs));
        const outcome = applied ? 'in_force' : 'recorded';
        return { outcome, value: { lockout: shown(lockout), outcome, revision } };
      });
    },
  });

  app.get('/v1/lockouts', {
    config: { scope: 'read' },
    schema: {
      tags: ['lockouts'],
      summary: 'Lockouts, newest first',
      querystring: api.LockoutQuery,
      response: answers(pageOf(api.Lockout)),
    },
    async handler(request) {
      const { limit, after, active } = request.query;
      const all = (await services.control.listLockouts({ limit: LOCKOUTS_READ_MAX })).map(shown).toReversed();
      const found = all.filter(
        ({ state, lockoutId }) =>
          (!active || state === 'in_force' || state === 'awaiting_release') &&
          (after === undefined || lockoutId < after),
      );
      const items = found.slice(0, limit);
      return found.length > limit ? { items, next: items.at(-1)!.lockoutId } : { items };
    },
  });

  app.post('/v1/lockouts/:id/release', {
    config: { scope: 'release' },
    schema: {
      tags: ['lockouts'],
      summary: 'Release a lockout',
      params: IdParams,
      body: api.ReleaseRequest,
      response: answers(api.Lockout),
    },
    handler(request) {
      const { id } = request.params;
      const { reason } = request.body;
      return mutate(
        services,
        request,
        { action: 'lockout.release', subject: `lockout:${id}`, reason },
        async (caller) => {
          const { lockout } = valueOf(
            await services.control.release(id, { ...caller, reason, incidentId: null }),
          );
          return { outcome: 'recorded', value: shown(lockout) };
        },
      );
    },
  });
};
