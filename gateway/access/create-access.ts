/** Access by the gateway's own tokens. What was read is kept for a short time; control records end that at once. */
import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../platform/clock/clock.ts';
import type { GatewayConfig } from '../../schemas/config/gateway.ts';
import type { Identity } from '../../schemas/types.ts';
import type { ControlView } from '../control/control-view.ts';
import { controlError } from '../control/errors.ts';
import type { Lease } from '../control/lease.ts';
import type { StoredIdentity, StoredToken } from '../control/token-index.ts';
import type { Access, AccessResult, ScramVerifier, TokenRecord } from './access.ts';
import { accessError } from './errors.ts';
import { decoyVerifier } from './scram-verifier.ts';
import { parseToken } from './token-format.ts';
import { tokenDigest, type TokenStore } from './token-store.ts';

export interface AccessDeps {
  readonly tokens: TokenStore;
  readonly view: ControlView;
  readonly lease: Pick<Lease, 'held'>;
  readonly clock: Clock;
  /** At least 32 bytes, the same over restarts: makes the verifiers of names that nobody has. */
  readonly decoySecret: Buffer;
}

interface Kept {
  readonly record: TokenRecord;
  readonly stored: StoredToken;
  readonly untilUs: number;
}
const KEPT_MAX = 10_000;
const KEPT_MS = 10_000;
const base64 = (text: string): Buffer => Buffer.from(text, 'base64');

function identityOf(token: StoredToken, account: StoredIdentity): Identity {
  const slash = account.id.indexOf('/');
  return {
    id: account.id,
    issuer: account.id.slice(0, slash),
    subject: account.id.slice(slash + 1),
    kind: account.kind,
    displayName: account.displayName,
    groups: [...account.groups],
    credentialSource: token.credentialSource,
    tokenId: token.tokenId,
    issuedAt: token.issuedAt,
    expiresAt: token.expiresAt,
    onBehalfOf: [...account.onBehalfOf],
    attributes: { ...account.attributes, ...token.attributes },
  };
}

export function createAccess(
  { tokens, view, lease, clock, decoySecret }: AccessDeps,
  config: Pick<GatewayConfig, 'scramIterations'>,
): Access {
  const kept = new Map<string, Kept>();
  /** Records of tokens that the store says are revoked. */
  const revoked = new WeakSet<TokenRecord>();
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
    const record: TokenRecord = {
      tokenId,
      identity: identityOf(stored, account),
      scram,
      connections: stored.connections,
    };
    if (stored.revokedAt !== null) revoked.add(record);
    const found: Kept = { record, stored, untilUs: clock.monotonicUs() + KEPT_MS * 1000 };
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
    return identity !== undefined && (identity.id === name || identity.id === `countersign/${name}`)
      ? found
      : undefined;
  };
  const refuse = <T>(error: ReturnType<typeof accessError>): AccessResult<T> => ({ ok: false, error });

  return {
    async scramCandidate(userName) {
      const found = await candidate(userName);
      // An expired or revoked token is still a candidate: its holder proves it and is then told so by `admit`. So the refusal is
      // written on its identity, and a job that tries on and on does not count as one that guesses.
      if (found !== undefined) return { token: found.record, verifier: found.record.scram };
      return { token: undefined, verifier: decoyVerifier(decoySecret, userName, config.scramIterations) };
    },
    async verifyToken(token) {
      const parsed = parseToken(token);
      const found = parsed === undefined ? undefined : await load(parsed.tokenId);
      if (found === undefined || !timingSafeEqual(base64(found.stored.digest), tokenDigest(token)))
        return refuse(accessError('TOKEN_INVALID'));
      if (revoked.has(found.record)) return refuse(controlError('TOKEN_REVOKED'));
      return live(found) ? { ok: true, value: found.record } : refuse(accessError('TOKEN_EXPIRED'));
    },
    async tokenByKey(fingerprint) {
      const tokenId = await tokens.newestByKey(fingerprint);
      return tokenId === undefined ? undefined : (await load(tokenId))?.record;
    },
    tokenById: async (tokenId) => (await load(tokenId))?.record,
    admit(token, connection) {
      const { identity, connections } = token;
      const refusal = view.check({
        sessionId: null,
        tokenId: token.tokenId,
        identityId: identity.id,
        credentialSource: identity.credentialSource,
        connection,
        exerciseId: identity.attributes['exercise_id'] ?? null,
      });
      if (refusal !== undefined) return refuse(refusal.error);
      if (revoked.has(token)) return refuse(controlError('TOKEN_REVOKED'));
      if (identity.expiresAt !== null && identity.expiresAt <= clock.now())
        return refuse(accessError('TOKEN_EXPIRED'));
      if (!connections.includes('*') && !connections.includes(connection))
        return refuse(accessError('TOKEN_CONNECTION_DENIED', { connection }));
      if (!lease.held()) return refuse(controlError('LEASE_LOST'));
      return { ok: true, value: identity };
    },
  };
}
