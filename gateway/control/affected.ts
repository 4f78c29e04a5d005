/** Whom a containment hits: for the budget, for break-glass identities, and for the tokens that die with it. */
import type { ControlTransaction } from '../../platform/control-store/control-store.ts';
import type { SubjectKind } from '../../schemas/types.ts';
import { IDENTITIES, tokenIdsOf, TOKENS, type StoredIdentity, type StoredToken } from './token-index.ts';

/** Tokens that one transaction revokes; more follow in further ones. */
export const TOKENS_PER_TRANSACTION = 1000;
const TOKENS_MAX = 10_000;

export async function tokensOf(
  transaction: ControlTransaction,
  kind: SubjectKind,
  subject: string,
): Promise<StoredToken[]> {
  const ids =
    kind === 'token'
      ? [subject]
      : kind === 'identity' || kind === 'credential_source'
        ? await tokenIdsOf(transaction, kind, subject, TOKENS_MAX)
        : [];
  // All at once: past one machine each question alone would cost a round trip.
  const found = await Promise.all(ids.map((id) => transaction.get<StoredToken>(TOKENS, id)));
  return found.filter((entry) => entry !== undefined).map(({ value }) => value);
}

/** Identities hit: known from tokens, and `named` by the caller (of live sessions). */
export async function identitiesHit(
  transaction: ControlTransaction,
  kind: SubjectKind,
  subject: string,
  named: readonly string[],
): Promise<string[]> {
  const found = new Set(named);
  // Its tokens are found by it.
  if (kind === 'identity') found.add(subject);
  else if (kind === 'connection') {
    const tokens = await transaction.list<StoredToken>(TOKENS, { limit: TOKENS_MAX });
    for (const { value } of tokens)
      if (value.connections.includes('*') || value.connections.includes(subject)) found.add(value.identityId);
  } else for (const token of await tokensOf(transaction, kind, subject)) found.add(token.identityId);
  return [...found];
}

/** The first of them that automation must leave alone. */
export async function breakGlassAmong(
  transaction: ControlTransaction,
  identityIds: readonly string[],
  configured: readonly string[],
): Promise<string | undefined> {
  const known = await Promise.all(identityIds.map((id) => transaction.get<StoredIdentity>(IDENTITIES, id)));
  return identityIds.find((id, index) => configured.includes(id) || known[index]?.value.breakGlass === true);
}
