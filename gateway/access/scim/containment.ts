/** What ends when somebody is deactivated or loses a group: through the control path, so on every gateway. */
import type { Clock } from '../../../platform/clock/clock.ts';
import type { ControlStore } from '../../../platform/control-store/control-store.ts';
import type { ControlWriter } from '../../control/control-writer.ts';
import { tokenIdsOf, TOKENS, type StoredToken } from '../../control/token-index.ts';
import { Refused } from './refused.ts';
import { PENDING } from './resources.ts';

export interface ContainmentDeps {
  readonly store: ControlStore;
  readonly clock: Clock;
  readonly control: Pick<ControlWriter, 'lockout' | 'release' | 'revokeToken'>;
  /** What is kept of an identity is old. */
  readonly onAccount: (identityId: string) => void;
}

export interface Containment {
  settle(): Promise<void>;
  lockOut(identityId: string): Promise<string>;
  release(lockoutId: string): Promise<void>;
}

const PAGE = 1000;
const TOKENS_MAX = 10_000;

export function createContainment({ store, clock, control, onAccount }: ContainmentDeps): Containment {
  const call = (reason: string) => ({ by: 'scim', reason, incidentId: null, idempotencyKey: null });
  /** Ends the tokens of those who have lost a group, also what a crash has left to do. */
  const settle = async (): Promise<void> => {
    for (const { id: identityId } of await store.list(PENDING, { limit: PAGE })) {
      onAccount(identityId);
      const ids = [
        ...(await tokenIdsOf(store, 'identity', identityId, TOKENS_MAX)),
        ...(await tokenIdsOf(store, 'principal', identityId, TOKENS_MAX)),
      ];
      for (const tokenId of ids) {
        const token = (await store.get<StoredToken>(TOKENS, tokenId))?.value;
        if (token === undefined || token.revokedAt !== null || token.expiresAt <= clock.now()) continue;
        await control.revokeToken(tokenId, {
          ...call('a group was taken from its holder'),
          automation: null,
        });
      }
      await store.transact((transaction) => transaction.delete(PENDING, identityId));
    }
  };
  /** Before it is written that he may do nothing any more: a crash in between is made good when the provider tries again. */
  const lockOut = async (identityId: string): Promise<string> => {
    const made = await control.lockout({
      ...call('the identity provider has deactivated it'),
      subjectKind: 'identity',
      subject: identityId,
      ttlMs: null,
      exerciseId: null,
      automation: null,
    });
    if (!made.ok) throw new Refused(made.error);
    onAccount(identityId);
    return made.value.lockout.lockoutId;
  };

  return {
    settle,
    lockOut,
    async release(lockoutId) {
      const released = await control.release(lockoutId, call('the identity provider has activated it again'));
      if (!released.ok && released.error.code !== 'LOCKOUT_ABSENT') throw new Refused(released.error);
    },
  };
}
