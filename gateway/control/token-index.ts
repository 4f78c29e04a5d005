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
const BY_KEY = 'tokens-by-ssh-key';
const BY_PRINCIPAL = 'tokens-by-principal';
/** Attribute of a token that binds it to a public key: its SHA256 fingerprint. */
const KEY_ATTRIBUTE = 'ssh_key';

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
  /** Identity ids that it acts for, nearest first. */
  readonly principals?: readonly string[];
  readonly bindings?: { readonly networks?: readonly (readonly string[])[]; readonly key?: string };
  /** Identity ids (globs) of agents that may act on its behalf. */
  readonly actors?: readonly string[];
  /** It stands for an outside credential, which is shown in its place: there is no secret of its own. */
  readonly withoutSecret?: true;
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
  /** Identity id of who answers for it. */
  readonly owner?: string | null;
  /** When the account itself ends. */
  readonly expiresAt?: number | null;
  /** Longest life of its tokens. */
  readonly ttlMsMax?: number | null;
  /** False: its issuer has ended it. */
  readonly active?: boolean;
};

/** Which tokens an outside credential (by its digest) was exchanged for. */
export const EXCHANGES = 'exchanges';
export type StoredExchange = {
  readonly tokenIds: readonly string[];
  /** The one that stands for it wherever it is shown itself. */
  readonly standing: string | null;
  /** When the outside credential ends. */
  readonly until: number;
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
  const key = token.attributes[KEY_ATTRIBUTE];
  if (key !== undefined) await transaction.put(BY_KEY, `${key}\n${token.tokenId}`, {});
  for (const id of token.principals ?? []) await transaction.put(BY_PRINCIPAL, `${id}\n${token.tokenId}`, {});
}

/** Forgets a token that has expired long ago. */
export async function removeToken(transaction: ControlTransaction, token: StoredToken): Promise<void> {
  await transaction.delete(TOKENS, token.tokenId);
  await transaction.delete(BY_IDENTITY, `${token.identityId}\n${token.tokenId}`);
  if (token.credentialSource !== null)
    await transaction.delete(BY_SOURCE, `${token.credentialSource}\n${token.tokenId}`);
  const key = token.attributes[KEY_ATTRIBUTE];
  if (key !== undefined) await transaction.delete(BY_KEY, `${key}\n${token.tokenId}`);
  for (const id of token.principals ?? []) await transaction.delete(BY_PRINCIPAL, `${id}\n${token.tokenId}`);
}

/** Ids of tokens of an identity, a credential source or a public key, or that act for an identity (principal), oldest first. */
export async function tokenIdsOf(
  reader: TokenReader,
  by: 'identity' | 'credential_source' | 'ssh_key' | 'principal',
  subject: string,
  limit: number,
): Promise<string[]> {
  const prefix = `${subject}\n`;
  const collection = {
    identity: BY_IDENTITY,
    credential_source: BY_SOURCE,
    ssh_key: BY_KEY,
    principal: BY_PRINCIPAL,
  }[by];
  const entries = await reader.list(collection, { prefix, limit });
  return entries.map(({ id }) => id.slice(prefix.length));
}
