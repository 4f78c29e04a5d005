import type { ApiClient } from '../../../cli/api-client.ts';
import type { Lockout } from '../../../schemas/api/lockouts.ts';
import { until } from '../../../test/support/until.ts';

/** Lockouts as a gateway knows them. */
export const lockoutsOf = async (api: ApiClient): Promise<readonly Lockout[]> =>
  (await api.get<{ items: Lockout[] }>('/v1/lockouts', { limit: 100 })).items;

/** Waits until the lockout of an identity is in force: each gateway has it. */
export async function untilInForce(api: ApiClient, identityId: string): Promise<void> {
  await until(`the lockout of ${identityId} is in force`, async () =>
    (await lockoutsOf(api)).some(({ subject, state }) => subject === identityId && state === 'in_force'),
  );
}
