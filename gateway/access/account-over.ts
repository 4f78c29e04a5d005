import type { CountersignError } from '../../platform/errors/errors.ts';
import type { StoredIdentity } from '../control/token-index.ts';
import { accessError } from './errors.ts';

/** Why an account may do nothing any more; undefined while it may. */
export function accountOver(
  { id, active, expiresAt = null }: StoredIdentity,
  now: number,
): CountersignError | undefined {
  if (active === false)
    return accessError('IDENTITY_OVER', { identityId: id, reason: 'its issuer has ended it' });
  if (expiresAt !== null && expiresAt <= now)
    return accessError('IDENTITY_OVER', { identityId: id, reason: 'its time is over' });
  return undefined;
}
