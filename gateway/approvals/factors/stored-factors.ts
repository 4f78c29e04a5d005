/** What is kept of a person's second factors, and of invitations to enrol some. */
import { sha256Hex } from '../../../platform/digest/sha256.ts';
import type { Clock, Random } from '../../../platform/clock/clock.ts';
import type { ControlStore, ControlTransaction } from '../../../platform/control-store/control-store.ts';
import type { Vault } from '../../credentials/vault.ts';
import type { RelyingParty, WebauthnKey } from './webauthn.ts';

const FACTORS = 'second-factors';
export const INVITATIONS = 'second-factor-invitations';
export const CHALLENGES = 'second-factor-challenges';

export type StoredFactors = {
  readonly identityId: string;
  readonly keys: readonly WebauthnKey[];
  /** Whether one-time codes are set up (the secret is in the vault), and the last step that was used. */
  readonly totp: { readonly lastStep: number } | null;
  readonly failures: readonly number[];
};
export type Invitation = {
  readonly identityId: string;
  readonly by: string;
  readonly expiresAt: number;
  /** Of the key that is being made, base64url. */
  readonly challenge: string | null;
};

export interface SecondFactorsDeps {
  readonly store: ControlStore;
  readonly vault: Pick<Vault, 'get' | 'put' | 'delete'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly party: () => RelyingParty;
}

export const json = <T extends object>(value: T): T & { readonly [key: string]: never } =>
  value as T & { readonly [key: string]: never };
export const digest = (code: string): string => sha256Hex(code);
/** Where the secret of one-time codes is in the vault. */
export const secretPath = (identityId: string): string => `second-factors/${digest(identityId)}`;
const none = (identityId: string): StoredFactors => ({ identityId, keys: [], totp: null, failures: [] });

export async function readFactors(
  reader: Pick<ControlTransaction, 'get'>,
  identityId: string,
): Promise<StoredFactors> {
  const entry = await reader.get(FACTORS, identityId);
  return (entry?.value as unknown as StoredFactors | undefined) ?? none(identityId);
}

export const writeFactors = (transaction: ControlTransaction, factors: StoredFactors): Promise<void> =>
  transaction.put(FACTORS, factors.identityId, json(factors));

/** False: there were none. */
export async function removeFactors(transaction: ControlTransaction, identityId: string): Promise<boolean> {
  const found = await transaction.get(FACTORS, identityId);
  await transaction.delete(FACTORS, identityId);
  return found !== undefined;
}
