/** Access by the gateway's own tokens. What was read is kept for a short time; control records end that at once. */
import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../platform/clock/clock.ts';
import type { GatewayConfig } from '../../schemas/config/gateway.ts';
import type { Identity } from '../../schemas/types.ts';
import type { ControlView } from '../control/control-view.ts';
import { controlError } from '../control/errors.ts';
import type { Lease } from '../control/lease.ts';
import type { StoredIdentity, StoredToken } from '../control/token-index.ts';
import type { Access, AccessResult, LoginContext, ScramVerifier, TokenRecord } from './access.ts';
import { accountOver } from './account-over.ts';
import { bindingFault } from './bindings.ts';
import { accessError } from './errors.ts';
import type { Exchanger } from './exchange/exchanger.ts';
import { partyOf } from './exchange/party.ts';
import type { Issuers } from './issuers/issuers.ts';
import { decoyVerifier } from './scram-verifier.ts';
import { parseToken } from './token-format.ts';
import { parentsOf } from './parent-tokens.ts';
import { createShownTokens } from './shown-tokens.ts';
import { tokenDigest } from './token-digest.ts';
import type { TokenStore } from './token-store.ts';

export interface AccessDeps {
  readonly tokens: TokenStore;
  readonly view: ControlView;
  readonly lease: Pick<Lease, 'held'>;
  readonly clock: Clock;
  /** At least 32 bytes, the same over restarts: makes the verifiers of names that nobody has. */
  readonly decoySecret: Buffer;
  /** Outside issuers; absent: only the gateway's own tokens count. */
  readonly outside?: { readonly issuers: Issuers; readonly exchanger: Exchanger };
}

/** Access, and what its own room may tell it. */
export interface OwnAccess extends Access {
  /** An account has changed: what is kept of its tokens is old. */
  forget(identityId: string): void;
}

interface Kept {
  readonly record: TokenRecord;
  readonly stored: StoredToken;
  readonly account: StoredIdentity;
  readonly untilUs: number;
}
const KEPT_MAX = 10_000;
const KEPT_MS = 10_000;
const base64 = (text: string): Buffer => Buffer.from(text, 'base64');

/** An account without its token: whom somebody acts for. */
function personOf(account: StoredIdentity): Identity {
  const slash = account.id.indexOf('/');
  return {
    id: account.id,
    issuer: account.id.slice(0, slash),
    subject: account.id.slice(slash + 1),
    kind: account.kind,
    displayName: account.displayName,
    groups: [...account.groups],
    credentialSource: null,
    tokenId: null,
    issuedAt: null,
    expiresAt: null,
    onBehalfOf: [...account.onBehalfOf],
    attributes: { ...account.attributes },
  };
}

function identityOf(token: StoredToken, account: StoredIdentity): Identity {
  const ends = [token.expiresAt, account.expiresAt ?? null].filter((end) => end !== null);
  return {
    ...personOf(account),
    credentialSource: token.credentialSource,
    tokenId: token.tokenId,
    issuedAt: token.issuedAt,
    expiresAt: Math.min(...ends),
    onBehalfOf: [...new Set([...(token.principals ?? []), ...account.onBehalfOf])],
    attributes: { ...account.attributes, ...token.attributes },
  };
}

export function createAccess(
  { tokens, view, lease, clock, decoySecret, outside }: AccessDeps,
  config: Pick<GatewayConfig, 'scramIterations'>,
): OwnAccess {
  const kept = new Map<string, Kept>();
  /** Records of tokens that the store says are revoked. */
  const revoked = new WeakSet<TokenRecord>();
  /** Accounts behind records, also of those that they act for. */
  const accounts = new WeakMap<TokenRecord, readonly StoredIdentity[]>();
  const shown = createShownTokens({ clock });
  view.onApplied(({ body }) => {
    if (body.kind === 'token_revocation') kept.delete(body.tokenId);
  });
  const load = async (tokenId: string): Promise<Kept | undefined> => {
    const there = kept.get(tokenId);
    if (there !== undefined && there.untilUs > clock.monotonicUs()) return there;
    kept.delete(tokenId);
    const stored = await tokens.get(tokenId);
    const account = stored === undefined ? undefined : await tokens.getIdentity(stored.identityId);
    if (stored === undefined || account === undefined) return undefined;
    const { salt, iterations, storedKey, serverKey } = stored.scram;
    const scram: ScramVerifier = {
      salt: base64(salt),
      iterations,
      storedKey: base64(storedKey),
      serverKey: base64(serverKey),
    };
    const identity = identityOf(stored, account);
    const people = (await Promise.all(identity.onBehalfOf.map((id) => tokens.getIdentity(id)))).filter(
      (one) => one !== undefined,
    );
    const record: TokenRecord = {
      tokenId,
      identity,
      scram,
      connections: stored.connections,
      principals: people.map(personOf),
      ...(stored.bindings === undefined ? {} : { bindings: stored.bindings }),
    };
    if (stored.revokedAt !== null) revoked.add(record);
    accounts.set(record, [account, ...people]);
    const found: Kept = { record, stored, account, untilUs: clock.monotonicUs() + KEPT_MS * 1000 };
    if (kept.size >= KEPT_MAX) kept.delete(kept.keys().next().value!);
    kept.set(tokenId, found);
    return found;
  };
  const live = ({ stored }: Kept): boolean => stored.expiresAt > clock.now();
  const newestOf = async (name: string): Promise<Kept | undefined> => {
    // Without an issuer it is an account of the gateway's own.
    const ids = name.includes('/') ? [name, `countersign/${name}`] : [`countersign/${name}`];
    for (const identityId of ids) {
      const newest = await tokens.newestLive(identityId);
      if (newest !== undefined) return load(newest.tokenId);
    }
    return undefined;
  };
  const candidate = async (userName: string): Promise<Kept | undefined> => {
    const hash = userName.lastIndexOf('#');
    if (hash < 0) return newestOf(userName);
    const found = await load(userName.slice(hash + 1));
    const name = userName.slice(0, hash);
    const { identity } = found?.record ?? {};
    return identity !== undefined &&
      found?.stored.withoutSecret !== true &&
      (identity.id === name || identity.id === `countersign/${name}`)
      ? found
      : undefined;
  };
  const refuse = <T>(error: ReturnType<typeof accessError>): AccessResult<T> => ({ ok: false, error });

  const verifyToken: Access['verifyToken'] = async (token) => {
    const parsed = parseToken(token);
    const found = parsed === undefined ? undefined : await load(parsed.tokenId);
    if (found === undefined || !timingSafeEqual(base64(found.stored.digest), tokenDigest(token)))
      return refuse(accessError('TOKEN_INVALID'));
    if (revoked.has(found.record)) return refuse(controlError('TOKEN_REVOKED'));
    return live(found) ? { ok: true, value: found.record } : refuse(accessError('TOKEN_EXPIRED'));
  };
  const verifyOutside = async (
    credential: string,
    context: LoginContext,
    { issuers, exchanger }: NonNullable<AccessDeps['outside']>,
  ): Promise<AccessResult<TokenRecord>> => {
    const known = shown.get(credential);
    const again = known === undefined ? undefined : await load(known);
    if (again !== undefined && live(again) && !revoked.has(again.record))
      return { ok: true, value: again.record };
    const verified = await issuers.verify(credential);
    if (!verified.ok) return verified;
    const party = partyOf(verified.value);
    if (!party.ok) return party;
    const stood = await exchanger.standing(party.value, context);
    if (!stood.ok) return stood;
    const found = await load(stood.value.tokenId);
    if (found === undefined) return refuse(accessError('TOKEN_INVALID'));
    if (!verified.value.oneUse) shown.keep(credential, stood.value.tokenId);
    return { ok: true, value: found.record };
  };

  return {
    verifyToken,
    verifyBearer: (credential, context) =>
      outside === undefined || parseToken(credential) !== undefined
        ? verifyToken(credential)
        : verifyOutside(credential, context, outside),
    forget(identityId) {
      for (const [tokenId, { record }] of kept)
        if (record.identity.id === identityId || record.identity.onBehalfOf.includes(identityId))
          kept.delete(tokenId);
    },
    async scramCandidate(userName) {
      const found = await candidate(userName);
      // An expired or revoked token is still a candidate: its holder proves it and is then told so by `admit`. So the refusal is
      // written on its identity, and a job that tries on and on does not count as one that guesses.
      if (found !== undefined) return { token: found.record, verifier: found.record.scram };
      return { token: undefined, verifier: decoyVerifier(decoySecret, userName, config.scramIterations) };
    },
    async tokenByKey(fingerprint) {
      const tokenId = await tokens.newestByKey(fingerprint);
      return tokenId === undefined ? undefined : (await load(tokenId))?.record;
    },
    tokenById: async (tokenId) => (await load(tokenId))?.record,
    admit(token, connection, context) {
      const { identity, connections } = token;
      const refusal = view.check({
        sessionId: null,
        tokenId: token.tokenId,
        identityId: identity.id,
        credentialSource: identity.credentialSource,
        connection,
        exerciseId: identity.attributes['exercise_id'] ?? null,
        principals: identity.onBehalfOf,
        parentTokens: parentsOf(identity.attributes),
      });
      if (refusal !== undefined) return refuse(refusal.error);
      if (revoked.has(token)) return refuse(controlError('TOKEN_REVOKED'));
      if (identity.expiresAt !== null && identity.expiresAt <= clock.now())
        return refuse(accessError('TOKEN_EXPIRED'));
      for (const account of accounts.get(token) ?? []) {
        const over = accountOver(account, clock.now());
        if (over !== undefined) return refuse(over);
      }
      const elsewhere = bindingFault(token.bindings, context);
      if (elsewhere !== undefined) return refuse(elsewhere);
      if (connection !== null && !connections.includes('*') && !connections.includes(connection))
        return refuse(accessError('TOKEN_CONNECTION_DENIED', { connection }));
      if (!lease.held()) return refuse(controlError('LEASE_LOST'));
      return { ok: true, value: identity };
    },
  };
}
