import type { ApiClient } from '../../../cli/api-client.ts';
import type { Lockout } from '../../../schemas/api/lockouts.ts';
import { until } from '../../../test/support/until.ts';

/** Waits until the lockout of an identity is in force: each gateway has it. */
export async function untilInForce(api: ApiClient, identityId: string): Promise<void> {
  await until(`the lockout of ${identityId} is in force`, async () => {
    const { items } = await api.get<{ items: Lockout[] }>('/v1/lockouts', { limit: 100 });
    return items.some(({ subject, state }) => subject === identityId && state === 'in_force');
  });
}
