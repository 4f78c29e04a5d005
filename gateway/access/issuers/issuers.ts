/** All configured issuers: which one a token is of, and whom it stands for. */
import { createHash } from 'node:crypto';
import type { Clock } from '../../../platform/clock/clock.ts';
import type { AccessConfig, IssuerConfig } from '../../../schemas/config/access.ts';
import type { SecretReference } from '../../../schemas/config/secret.ts';
import type { AccessResult } from '../access.ts';
import { accessError } from '../errors.ts';
import { createJsonCaller, type JsonCaller } from '../http/json-call.ts';
import { checkAccessConfig } from './check-config.ts';
import { textOf, type Claims } from './claims.ts';
import { createKeySet, type KeySet } from './key-set.ts';
import type { Outside } from './outside.ts';
import { takeClaims } from './take.ts';
import { reviewToken } from './token-review.ts';
import { readUserInfo } from './user-info.ts';
import { checkClaims, headerFault, parseJwt, signatureFault, type ParsedJwt } from './verify-jwt.ts';

export interface Issuers {
  /** Verifies a token of a configured issuer and maps it. TOKEN_INVALID for what is no such token. */
  verify(token: string): Promise<AccessResult<Outside>>;
  close(): void;
}

export interface IssuersDeps {
  readonly clock: Clock;
  readonly readSecret: (reference: SecretReference) => Promise<string>;
}

interface Known {
  readonly config: IssuerConfig;
  readonly keys: KeySet;
  readonly caller: JsonCaller;
}

const SPIFFE = 'spiffe://';
/** One id of a one-use token, whatever it is written in besides. */
const digestOfId = (issuer: string, id: string): string =>
  createHash('sha256').update(`${issuer}\n${id}`).digest('base64url');

/** Throws ACCESS_CONFIG_INVALID, also where a file of an authority cannot be read. */
export function createIssuers(
  { clock, readSecret }: IssuersDeps,
  access: Pick<AccessConfig, 'issuers' | 'certificates' | 'keys' | 'login' | 'scim'>,
): Issuers {
  const [fault] = checkAccessConfig(access);
  if (fault !== undefined) throw accessError('ACCESS_CONFIG_INVALID', { reason: fault.reason });
  const callerOf = ({ name, caFile }: IssuerConfig): JsonCaller => {
    const { timeoutMs } = access.keys;
    try {
      return createJsonCaller(clock, caFile === undefined ? { timeoutMs } : { timeoutMs, caFile });
    } catch (cause) {
      throw accessError(
        'ACCESS_CONFIG_INVALID',
        { reason: `${name}: ${caFile ?? ''} cannot be read` },
        cause,
      );
    }
  };
  const known = access.issuers.map((config): Known => {
    const caller = callerOf(config);
    return { config, caller, keys: createKeySet({ clock, caller }, config, access.keys) };
  });
  const byIssuer = new Map(
    known.flatMap((one) => (one.config.issuer === undefined ? [] : [[one.config.issuer, one] as const])),
  );
  const byTrustDomain = new Map(
    known.flatMap((one) =>
      one.config.trustDomain === undefined ? [] : [[one.config.trustDomain, one] as const],
    ),
  );

  const issuerOf = ({ claims }: ParsedJwt): Known | undefined => {
    const { iss, sub } = claims;
    const named = typeof iss === 'string' ? byIssuer.get(iss) : undefined;
    // SVIDs need not name their issuer; their subject lies in its trust domain (SPIFFE JWT-SVID, section 3).
    return (
      named ??
      (typeof sub === 'string' && sub.startsWith(SPIFFE)
        ? byTrustDomain.get(sub.slice(SPIFFE.length).split('/')[0]!)
        : undefined)
    );
  };

  /** Undefined: everything is as it should be. */
  const proofFault = async (token: string, parsed: ParsedJwt, { config, keys, caller }: Known) => {
    const wrong = headerFault(parsed, config);
    if (wrong !== undefined) return wrong;
    if (config.tokenReview !== undefined)
      return reviewToken({ caller, readSecret }, config, token, parsed.claims);
    const found = await keys.keysFor(parsed.header);
    return found.ok ? signatureFault(token, found.value, config) : found.error;
  };

  const complete = async (token: string, claims: Claims, one: Known): Promise<AccessResult<Claims>> => {
    if (!one.config.userInfo) return { ok: true, value: claims };
    const endpoint = await one.keys.userInfoEndpoint();
    return endpoint.ok ? readUserInfo(one.caller, one.config, endpoint.value, token, claims) : endpoint;
  };

  return {
    async verify(token) {
      const parsed = parseJwt(token);
      if (parsed === undefined) return { ok: false, error: accessError('TOKEN_INVALID') };
      const one = issuerOf(parsed);
      if (one === undefined) return { ok: false, error: accessError('ACCESS_ISSUER_UNKNOWN') };
      const { config } = one;
      const now = clock.now();
      const wrong = await proofFault(token, parsed, one);
      if (wrong !== undefined) return { ok: false, error: wrong };
      const checked = checkClaims(parsed.claims, config, now);
      if (!checked.ok) return checked;
      const { trustDomain, name, oneUse } = config;
      if (trustDomain !== undefined && !String(parsed.claims['sub']).startsWith(`${SPIFFE}${trustDomain}/`))
        return {
          ok: false,
          error: accessError('ACCESS_TOKEN_MALFORMED', {
            issuer: name,
            reason: 'its subject is of another trust domain',
          }),
        };
      const claims = await complete(token, parsed.claims, one);
      if (!claims.ok) return claims;
      return takeClaims({
        source: config,
        claims: claims.value,
        ...checked.value,
        digest: oneUse ? digestOfId(name, textOf(parsed.claims['jti'])!) : parsed.digest,
        now,
      });
    },
    close() {
      for (const { caller } of known) caller.close();
    },
  };
}
