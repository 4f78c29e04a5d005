/** Issues, lists and introspects the gateway's own tokens. Revoking is a control record: gateway/control/control-writer.ts. */
import type { Clock, Random } from '../../platform/clock/clock.ts';
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import type { GatewayConfig } from '../../schemas/config/gateway.ts';
import {
  IDENTITIES,
  putToken,
  TOKENS,
  tokenIdsOf,
  type StoredIdentity,
  type StoredToken,
} from '../control/token-index.ts';
import type { AccessResult } from './access.ts';
import { controlError } from '../control/errors.ts';
import { callDigest, earlierAnswer, keepAnswer } from '../control/idempotency.ts';
import { accessError } from './errors.ts';
import { accountOver } from './account-over.ts';
import { newToken } from './new-token.ts';

export interface TokenIssue {
  readonly identityId: string;
  readonly connections: readonly string[];
  readonly ttlMs: number;
  readonly credentialSource: string | null;
  readonly attributes: Readonly<Record<string, string>>;
  /** API subject. */
  readonly by: string;
  /** Under the same key only one token is ever issued. */
  readonly idempotencyKey?: string | null;
}

export interface TokenStore {
  /** `token` is the secret, known from here on to its holder only. `userName` tells this token from others of its account. */
  issue(issue: TokenIssue): Promise<AccessResult<{ token: string; userName: string; stored: StoredToken }>>;
  get(tokenId: string): Promise<StoredToken | undefined>;
  /** By token id, which is the order they were issued; of one identity where given. */
  list(options: {
    readonly limit: number;
    readonly after?: string;
    readonly identityId?: string;
  }): Promise<StoredToken[]>;
  /** The newest token of an identity that still works. */
  newestLive(identityId: string): Promise<StoredToken | undefined>;
  /** Id of the newest token that is bound to a public key; one that still works, where there is one. */
  newestByKey(fingerprint: string): Promise<string | undefined>;
  putIdentity(identity: StoredIdentity): Promise<void>;
  getIdentity(identityId: string): Promise<StoredIdentity | undefined>;
  listIdentities(options: { readonly limit: number; readonly after?: string }): Promise<StoredIdentity[]>;
}

/** Tokens that are looked at for one that still works. */
const LOOK_BACK_MAX = 1000;
const OWN_ISSUER = 'countersign/';
export const userNameOf = (identityId: string): string =>
  identityId.startsWith(OWN_ISSUER) ? identityId.slice(OWN_ISSUER.length) : identityId;

export function createTokenStore(
  { store, clock, random }: { readonly store: ControlStore; readonly clock: Clock; readonly random: Random },
  config: Pick<GatewayConfig, 'tokenTtlMsMax' | 'scramIterations'>,
): TokenStore {
  const get = async (tokenId: string): Promise<StoredToken | undefined> =>
    (await store.get<StoredToken>(TOKENS, tokenId))?.value;
  return {
    async issue({ identityId, connections, ttlMs, credentialSource, attributes, by, idempotencyKey = null }) {
      const tooLong = (ttlMsMax: number) => accessError('TOKEN_TTL_TOO_LONG', { ttlMsMax, ttlMs });
      if (ttlMs > config.tokenTtlMsMax || ttlMs <= 0)
        return { ok: false, error: tooLong(config.tokenTtlMsMax) };
      const issuedAt = clock.now();
      const made = newToken(
        { clock, random },
        {
          identityId,
          connections,
          credentialSource,
          attributes,
          issuedAt,
          issuedBy: by,
          expiresAt: issuedAt + ttlMs,
        },
        config.scramIterations,
      );
      const { token, stored } = made;
      const { tokenId } = stored;
      const call = callDigest([
        'token',
        identityId,
        connections.join('\n'),
        String(ttlMs),
        credentialSource,
        JSON.stringify(Object.entries(attributes).sort(([one], [other]) => (one < other ? -1 : 1))),
      ]);
      const refused = await store.transact(async (transaction) => {
        // The secret is kept nowhere, so the first answer cannot be given again.
        const earlier = await earlierAnswer<{ tokenId: string }>(transaction, { by, idempotencyKey }, call);
        if (earlier.kind === 'other') return controlError('CONTROL_KEY_REUSED');
        if (earlier.kind === 'same')
          return accessError('TOKEN_ISSUED_BEFORE', { tokenId: earlier.answer.tokenId });
        const account = (await transaction.get<StoredIdentity>(IDENTITIES, identityId))?.value;
        if (account === undefined) return accessError('IDENTITY_ABSENT', { identityId });
        const over = accountOver(account, issuedAt);
        if (over !== undefined) return over;
        const ttlMsMax = account.ttlMsMax ?? null;
        if (ttlMsMax !== null && ttlMs > ttlMsMax) return tooLong(ttlMsMax);
        await putToken(transaction, stored);
        await keepAnswer(transaction, { by, idempotencyKey }, call, { tokenId }, issuedAt);
        return undefined;
      });
      if (refused !== undefined) return { ok: false, error: refused };
      return { ok: true, value: { token, userName: `${userNameOf(identityId)}#${tokenId}`, stored } };
    },
    get,
    async list({ limit, after, identityId }) {
      if (identityId === undefined) {
        const page = await store.list<StoredToken>(TOKENS, {
          limit,
          ...(after === undefined ? {} : { after }),
        });
        return page.map(({ value }) => value);
      }
      const ids = (await tokenIdsOf(store, 'identity', identityId, 10_000)).filter(
        (id) => after === undefined || id > after,
      );
      const tokens = await Promise.all(ids.slice(0, limit).map(get));
      return tokens.filter((token) => token !== undefined);
    },
    async newestLive(identityId) {
      const ids = await tokenIdsOf(store, 'identity', identityId, 10_000);
      for (const tokenId of ids.toReversed().slice(0, LOOK_BACK_MAX)) {
        const token = await get(tokenId);
        if (
          token !== undefined &&
          token.revokedAt === null &&
          token.expiresAt > clock.now() &&
          token.withoutSecret !== true
        )
          return token;
      }
      return undefined;
    },
    async newestByKey(fingerprint) {
      const ids = (await tokenIdsOf(store, 'ssh_key', fingerprint, LOOK_BACK_MAX)).toReversed();
      for (const tokenId of ids) {
        const token = await get(tokenId);
        if (token !== undefined && token.revokedAt === null && token.expiresAt > clock.now()) return tokenId;
      }
      return ids[0];
    },
    putIdentity: (identity) =>
      store.transact((transaction) => transaction.put(IDENTITIES, identity.id, identity)),
    async getIdentity(identityId) {
      return (await store.get<StoredIdentity>(IDENTITIES, identityId))?.value;
    },
    async listIdentities(options) {
      return (await store.list<StoredIdentity>(IDENTITIES, options)).map(({ value }) => value);
    },
  };
}
