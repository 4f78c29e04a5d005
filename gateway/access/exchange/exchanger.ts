/**
 * Exchanges credentials for tokens of the gateway's own (RFC 8693). One transaction: replays and revocations are looked at, accounts made
 * known, and the token kept.
 */
import type { Clock, Random } from '../../../platform/clock/clock.ts';
import type { ControlStore, ControlTransaction } from '../../../platform/control-store/control-store.ts';
import type { CountersignError } from '../../../platform/errors/errors.ts';
import { controlError } from '../../control/errors.ts';
import {
  EXCHANGES,
  IDENTITIES,
  putToken,
  TOKENS,
  type StoredExchange,
  type StoredIdentity,
  type StoredToken,
} from '../../control/token-index.ts';
import { accountOver } from '../account-over.ts';
import type { AccessResult, LoginContext } from '../access.ts';
import { bindingFault, keyOf } from '../bindings.ts';
import { accessError } from '../errors.ts';
import { newStandingToken, newToken, type TokenFields } from '../new-token.ts';
import { USED_BEFORE } from '../proof/dpop.ts';
import { spendProof } from '../proof/spent-proofs.ts';
import { bothOpen, type Account, type Party } from './party.ts';

export interface ExchangeWish {
  /** What of it is wanted; absent: all. */
  readonly connections?: readonly string[];
  readonly ttlMs?: number;
  /** Stands in the trail as who asked. */
  readonly by: string;
}

export interface Exchanger {
  /** The token that stands for a credential wherever that is shown; the same each time. */
  standing(party: Party, context: LoginContext): Promise<AccessResult<StoredToken>>;
  /** A token with a secret of its own. */
  issue(
    party: Party,
    wish: ExchangeWish,
    context: LoginContext,
  ): Promise<AccessResult<{ token: string; stored: StoredToken }>>;
}

export interface ExchangerDeps {
  readonly store: ControlStore;
  readonly clock: Clock;
  readonly random: Random;
  /** An account has changed: what is kept of it is old. */
  readonly onAccount: (identityId: string) => void;
}

/** Tokens that one outside credential is exchanged for. */
const TOKENS_MAX = 100;

/** A refusal takes back what was written before it. */
class Refused extends Error {
  readonly answer: CountersignError;
  constructor(answer: CountersignError) {
    super(answer.message);
    this.answer = answer;
  }
}

/** The account as it is from now on; undefined where nothing changes. */
function merged(before: StoredIdentity | undefined, { id, kind, displayName, groups }: Account) {
  const after: StoredIdentity = {
    onBehalfOf: [],
    breakGlass: false,
    attributes: {},
    ...before,
    id,
    kind,
    displayName,
    groups: [...(groups ?? before?.groups ?? [])],
  };
  const same =
    before !== undefined &&
    before.kind === kind &&
    before.displayName === displayName &&
    before.groups.join('\n') === after.groups.join('\n');
  return same ? undefined : after;
}

/** What the token is bound to, or why the exchange is refused. */
function bindingsOf(party: Party, context: LoginContext): AccessResult<NonNullable<StoredToken['bindings']>> {
  const { proofOfKey, clientIp } = context;
  const proved = proofOfKey === undefined ? undefined : keyOf(proofOfKey);
  for (const key of party.confirmedKeys)
    if (key !== proved)
      return { ok: false, error: accessError('TOKEN_KEY_REQUIRED', { key: key.split(':')[0]! }) };
  const { bindKey } = party;
  if (bindKey !== 'none' && (proofOfKey === undefined || (bindKey !== 'any' && bindKey !== proofOfKey.kind)))
    return { ok: false, error: accessError('TOKEN_KEY_REQUIRED', { key: bindKey }) };
  // Who sends a DPoP proof wants the token bound to it (RFC 9449, section 5); a client certificate may be there for other reasons.
  const isBound = party.confirmedKeys.length > 0 || bindKey !== 'none' || proofOfKey?.kind === 'dpop';
  const networks = [...party.networks, ...(party.bindAddress ? [[clientIp]] : [])];
  const bindings = {
    ...(networks.length === 0 ? {} : { networks }),
    ...(isBound && proved !== undefined ? { key: proved } : {}),
  };
  const fault = bindingFault(bindings, context);
  return fault === undefined ? { ok: true, value: bindings } : { ok: false, error: fault };
}

export function createExchanger(
  { store, clock, random, onAccount }: ExchangerDeps,
  config: { readonly scramIterations: number; readonly tokenTtlMsMax: number },
): Exchanger {
  const makeKnown = async (
    transaction: ControlTransaction,
    accounts: readonly Account[],
  ): Promise<string[]> => {
    const changed: string[] = [];
    for (const account of accounts) {
      const before = (await transaction.get<StoredIdentity>(IDENTITIES, account.id))?.value;
      const over = before === undefined ? undefined : accountOver(before, clock.now());
      if (over !== undefined) throw new Refused(over);
      const after = merged(before, account);
      if (after === undefined) continue;
      await transaction.put(IDENTITIES, account.id, after);
      changed.push(account.id);
    }
    return changed;
  };
  /** What is known of the credentials that are shown; refuses replays, and what was revoked once. */
  const lookBack = async (
    transaction: ControlTransaction,
    party: Party,
  ): Promise<{ exchange: StoredExchange | undefined; standing: StoredToken | undefined }> => {
    const now = clock.now();
    let exchange: StoredExchange | undefined;
    let standing: StoredToken | undefined;
    for (const [index, { digest, oneUse, issuer }] of party.shown.entries()) {
      const found = (await transaction.get<StoredExchange>(EXCHANGES, digest))?.value;
      if (oneUse && found !== undefined) throw new Refused(accessError('ACCESS_TOKEN_REPLAYED', { issuer }));
      if (index > 0 || found === undefined) continue;
      const live: string[] = [];
      for (const tokenId of found.tokenIds) {
        const token = (await transaction.get<StoredToken>(TOKENS, tokenId))?.value;
        // Else a locked-out token would come back by showing once more what it was exchanged for.
        if (token !== undefined && token.revokedAt !== null) throw new Refused(controlError('TOKEN_REVOKED'));
        if (tokenId === found.standing) standing = token;
        if (token !== undefined && token.expiresAt > now) live.push(tokenId);
      }
      // A certificate may be exchanged for a year.
      exchange = { ...found, tokenIds: live };
    }
    return { exchange, standing };
  };
  const remember = async (
    transaction: ControlTransaction,
    party: Party,
    { tokenId, withoutSecret }: StoredToken,
    exchange: StoredExchange | undefined,
  ): Promise<void> => {
    for (const [index, { digest, until }] of party.shown.entries()) {
      const before = index === 0 ? exchange : undefined;
      const tokenIds = [...(before?.tokenIds ?? []), ...(index === 0 ? [tokenId] : [])];
      if (tokenIds.length > TOKENS_MAX)
        throw new Refused(
          accessError('ACCESS_TOKEN_MALFORMED', {
            issuer: party.shown[0]!.issuer,
            reason: `it was exchanged ${TOKENS_MAX} times already`,
          }),
        );
      const standing = withoutSecret === true ? tokenId : (before?.standing ?? null);
      const after: StoredExchange = { tokenIds, standing, until };
      // Another's exchange must not be forgotten: whoever acts with this credential himself has written it.
      if (index === 0 || (await transaction.get(EXCHANGES, digest)) === undefined)
        await transaction.put(EXCHANGES, digest, after);
    }
  };
  const carryOut = async (
    party: Party,
    context: LoginContext,
    wish: ExchangeWish,
    make: (fields: TokenFields) => StoredToken,
    reuse: boolean,
  ): Promise<AccessResult<StoredToken>> => {
    const bound = bindingsOf(party, context);
    if (!bound.ok) return bound;
    const connections =
      wish.connections === undefined ? [...party.connections] : bothOpen(party.connections, wish.connections);
    if (connections.length === 0)
      return {
        ok: false,
        error: accessError('TOKEN_CONNECTION_DENIED', {
          connection: wish.connections?.[0] ?? 'that was asked for',
        }),
      };
    let changed: readonly string[] = [];
    try {
      const stored = await store.transact(async (transaction) => {
        const now = clock.now();
        const proofId = context.proofOfKey?.proofId;
        if (proofId !== undefined && !(await spendProof(transaction, proofId, now)))
          throw new Refused(accessError('ACCESS_PROOF_WRONG', { reason: USED_BEFORE }));
        const { exchange, standing } = await lookBack(transaction, party);
        changed = await makeKnown(transaction, party.accounts);
        if (reuse && standing !== undefined && standing.expiresAt > now) return standing;
        const account = (await transaction.get<StoredIdentity>(IDENTITIES, party.identityId))?.value;
        const over = account === undefined ? undefined : accountOver(account, now);
        if (over !== undefined) throw new Refused(over);
        const ttlMs = Math.min(wish.ttlMs ?? Infinity, config.tokenTtlMsMax, account?.ttlMsMax ?? Infinity);
        const token = make({
          identityId: party.identityId,
          connections,
          credentialSource: party.credentialSource,
          attributes: party.attributes,
          issuedAt: party.issuedAt,
          issuedBy: wish.by,
          expiresAt: Math.min(party.expiresAt, now + ttlMs),
          ...(party.principals.length === 0 ? {} : { principals: party.principals }),
          ...(Object.keys(bound.value).length === 0 ? {} : { bindings: bound.value }),
          ...(party.actors.length === 0 ? {} : { actors: party.actors }),
        });
        await putToken(transaction, token);
        await remember(transaction, party, token, exchange);
        return token;
      });
      for (const id of changed) onAccount(id);
      return { ok: true, value: stored };
    } catch (error) {
      if (error instanceof Refused) return { ok: false, error: error.answer };
      throw error;
    }
  };
  const deps = { clock, random };
  return {
    standing: (party, context) =>
      carryOut(party, context, { by: 'login' }, (fields) => newStandingToken(deps, fields), true),
    async issue(party, wish, context) {
      let secret = '';
      const made = await carryOut(
        party,
        context,
        wish,
        (fields) => {
          const { token, stored } = newToken(deps, fields, config.scramIterations);
          secret = token;
          return stored;
        },
        false,
      );
      return made.ok ? { ok: true, value: { token: secret, stored: made.value } } : made;
    },
  };
}
