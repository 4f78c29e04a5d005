/** Tokens in the control store, and how to find those of an identity or a credential source. */
import type {
  ControlTransaction,
  ControlEntry,
  ListOptions,
} from '../../platform/control-store/control-store.ts';
import type { IdentityKind } from '../../schemas/types.ts';

export const TOKENS = 'tokens';
export const IDENTITIES = 'identities';
const BY_IDENTITY = 'tokens-by-identity';
const BY_SOURCE = 'tokens-by-source';

/** A token at rest: hashed, never the secret. */
export type StoredToken = {
  readonly tokenId: string;
  readonly identityId: string;
  readonly connections: readonly string[];
  readonly credentialSource: string | null;
  readonly attributes: Readonly<Record<string, string>>;
  readonly issuedAt: number;
  readonly issuedBy: string;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
  readonly revokedReason: string | null;
  /** SHA-256 of the whole token, base64. */
  readonly digest: string;
  readonly scram: {
    readonly salt: string;
    readonly iterations: number;
    readonly storedKey: string;
    readonly serverKey: string;
  };
};

/** An account: who a token speaks for. Groups and attributes are read at each login. */
export type StoredIdentity = {
  readonly id: string;
  readonly kind: IdentityKind;
  readonly displayName: string;
  readonly groups: readonly string[];
  readonly onBehalfOf: readonly string[];
  readonly breakGlass: boolean;
  readonly attributes: Readonly<Record<string, string>>;
};

/** What both a transaction and the store itself can do. */
export interface TokenReader {
  list(collection: string, options: ListOptions): Promise<ControlEntry[]>;
}

export async function putToken(transaction: ControlTransaction, token: StoredToken): Promise<void> {
  await transaction.put(TOKENS, token.tokenId, token);
  await transaction.put(BY_IDENTITY, `${token.identityId}\n${token.tokenId}`, {});
  if (token.credentialSource !== null)
    await transaction.put(BY_SOURCE, `${token.credentialSource}\n${token.tokenId}`, {});
}

/** Ids of tokens of an identity or credential source, oldest first. */
export async function tokenIdsOf(
  reader: TokenReader,
  by: 'identity' | 'credential_source',
  subject: string,
  limit: number,
): Promise<string[]> {
  const prefix = `${subject}\n`;
  const entries = await reader.list(by === 'identity' ? BY_IDENTITY : BY_SOURCE, { prefix, limit });
  return entries.map(({ id }) => id.slice(prefix.length));
}
