/** Signature and claims of a JSON web token (RFC 7519, RFC 7515, RFC 8725) against the issuer that it names. */
import { createHash } from 'node:crypto';
import { compactVerify, errors, type CryptoKey, type JWSHeaderParameters } from 'jose';
import type { IssuerConfig } from '../../../schemas/config/access.ts';
import type { CountersignError } from '../../../platform/errors/errors.ts';
import type { AccessResult } from '../access.ts';
import { accessError } from '../errors.ts';
import { textOf, type Claims } from './claims.ts';

export interface ParsedJwt {
  readonly header: JWSHeaderParameters;
  readonly claims: Claims;
  /** SHA-256 of header and payload as they came, without the signature: some of these can be written in several ways. */
  readonly digest: string;
}

export interface CheckedTimes {
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

export const JWT_CHARACTERS_MAX = 16_384;
const SHAPE = /^[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]*$/;
/**
 * Types (claim `typ` of the header) that are not for logging in, though issuer, audience and subject may be the same: logout and
 * security event tokens, DPoP proofs, requests (RFC 8725, section 3.11).
 */
const TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt', 'id+jwt', 'jose']);
const JWT_DEPTH_MAX = 32;

export const looksLikeJwt = (text: string): boolean =>
  text.length <= JWT_CHARACTERS_MAX && text.startsWith('ey') && SHAPE.test(text);

function parsePart(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return depthOf(value) > JWT_DEPTH_MAX ? undefined : (value as Record<string, unknown>);
  } catch {
    return undefined;
  }
}

function depthOf(value: unknown, depth = 0): number {
  if (typeof value !== 'object' || value === null || depth > JWT_DEPTH_MAX) return depth;
  return Math.max(depth, ...Object.values(value).map((inner) => depthOf(inner, depth + 1)));
}

/** Reads it without believing anything of it. */
export function parseJwt(token: string): ParsedJwt | undefined {
  if (!looksLikeJwt(token)) return undefined;
  const [head = '', body = ''] = token.split('.');
  const header = parsePart(head);
  const claims = parsePart(body);
  if (header === undefined || claims === undefined) return undefined;
  return {
    header,
    claims,
    digest: createHash('sha256').update(`${head}.${body}`).digest('base64url'),
  };
}

/** What is wrong before any key is asked for. */
export function headerFault(
  { header }: ParsedJwt,
  { name, algorithms }: Pick<IssuerConfig, 'name' | 'algorithms'>,
): CountersignError | undefined {
  // Before a key is looked for, so that no key can be taken for what it is not (RFC 8725, section 3.1). What the header says of keys
  // (jwk, jku, x5c) is never looked at.
  if (!(algorithms as readonly unknown[]).includes(header.alg))
    return accessError('ACCESS_ALGORITHM_REFUSED', { issuer: name });
  const type =
    typeof header.typ === 'string' ? header.typ.toLowerCase().replace(/^application\//, '') : undefined;
  if (header.typ !== undefined && (type === undefined || !TYPES.has(type)))
    return accessError('ACCESS_TOKEN_MALFORMED', {
      issuer: name,
      reason: 'it is of a type that is not for logging in',
    });
  return undefined;
}

/** Does the signature fit one of the keys? */
export async function signatureFault(
  token: string,
  keys: readonly CryptoKey[],
  { name, algorithms }: Pick<IssuerConfig, 'name' | 'algorithms'>,
): Promise<CountersignError | undefined> {
  for (const key of keys) {
    try {
      await compactVerify(token, key, { algorithms: [...algorithms] });
      return undefined;
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) continue;
      if (error instanceof errors.JOSEAlgNotAllowed)
        return accessError('ACCESS_ALGORITHM_REFUSED', { issuer: name });
      if (error instanceof errors.JOSEError || error instanceof TypeError)
        return accessError('ACCESS_TOKEN_MALFORMED', { issuer: name, reason: 'its header cannot be read' });
      throw error;
    }
  }
  return accessError('ACCESS_SIGNATURE_WRONG', { issuer: name });
}

const secondsOf = (claims: Claims, name: string): number | undefined => {
  const value = claims[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
};

/** Audience, times and what else must be there (RFC 7519, section 4.1). */
export function checkClaims(
  claims: Claims,
  issuer: Pick<IssuerConfig, 'name' | 'audiences' | 'clockSkewMs' | 'ageMsMax' | 'oneUse'>,
  now: number,
): AccessResult<CheckedTimes> {
  const { name } = issuer;
  const refuse = (error: CountersignError): AccessResult<CheckedTimes> => ({ ok: false, error });
  const malformed = (reason: string): AccessResult<CheckedTimes> =>
    refuse(accessError('ACCESS_TOKEN_MALFORMED', { issuer: name, reason }));
  const { aud } = claims;
  const audiences = Array.isArray(aud) ? aud : [aud];
  if (!audiences.some((one) => typeof one === 'string' && issuer.audiences.includes(one)))
    return refuse(accessError('ACCESS_AUDIENCE_WRONG', { issuer: name }));
  const { sub } = claims;
  if (typeof sub !== 'string' || textOf(sub) === undefined) return malformed('it has no subject');
  // OpenID Connect Back-Channel Logout 1.0, section 2.4: such a token must not be taken for an ID token.
  if (claims['events'] !== undefined) return malformed('it tells of events and is not for logging in');
  const exp = secondsOf(claims, 'exp');
  const iat = secondsOf(claims, 'iat');
  const nbf = secondsOf(claims, 'nbf');
  if (exp === undefined) return malformed('it has no end (exp)');
  if (iat === undefined) return malformed('it does not say when it was issued (iat)');
  if (claims['nbf'] !== undefined && nbf === undefined) return malformed('its claim nbf is no time');
  if (issuer.oneUse && textOf(claims['jti']) === undefined) return malformed('it has no id (jti)');
  if (exp * 1000 <= now) return refuse(accessError('ACCESS_TOKEN_EXPIRED', { issuer: name }));
  if (Math.max(iat, nbf ?? 0) * 1000 > now + issuer.clockSkewMs)
    return refuse(accessError('ACCESS_TOKEN_FROM_FUTURE', { issuer: name }));
  if (issuer.ageMsMax !== undefined && now - iat * 1000 > issuer.ageMsMax + issuer.clockSkewMs)
    return refuse(accessError('ACCESS_TOKEN_TOO_OLD', { issuer: name }));
  return { ok: true, value: { issuedAt: Math.floor(iat * 1000), expiresAt: Math.floor(exp * 1000) } };
}
