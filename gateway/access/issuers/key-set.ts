/**
 * Signing keys of one issuer (RFC 7517), by discovery (OpenID Connect Discovery 1.0, section 4), by address, or from a file.
 * Asked for again when they are old and, with a cool-down, when a key is not among them; kept for a bounded time while the issuer
 * does not answer.
 */
import { readFileSync, statSync } from 'node:fs';
import {
  createLocalJWKSet,
  errors,
  type CryptoKey,
  type JSONWebKeySet,
  type JWK,
  type JWSHeaderParameters,
} from 'jose';
import type { Clock } from '../../../platform/clock/clock.ts';
import type { CountersignError } from '../../../platform/errors/errors.ts';
import type { AccessConfig, IssuerConfig } from '../../../schemas/config/access.ts';
import type { AccessResult } from '../access.ts';
import { accessError } from '../errors.ts';
import { addressFault, type JsonCaller } from '../http/json-call.ts';

export interface KeySet {
  /** Keys that the header may mean, most often one; a single question to the issuer where it is not known yet. */
  keysFor(header: JWSHeaderParameters): Promise<AccessResult<readonly CryptoKey[]>>;
  /** What discovery says of the userinfo endpoint. */
  userInfoEndpoint(): Promise<AccessResult<string>>;
}

type Local = ReturnType<typeof createLocalJWKSet>;
interface Kept {
  readonly keys: Local;
  readonly userInfo: string | undefined;
  readonly atUs: number;
}
const KEYS_MAX = 200;

/** SPIFFE bundles mark their keys with a use of their own (SPIFFE Trust Domain and Bundle, section 4.2.2). */
function usable(body: unknown, kind: IssuerConfig['kind']): JSONWebKeySet | undefined {
  const keys = (body as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys) || keys.length > KEYS_MAX) return undefined;
  const wanted = (keys as JWK[]).filter(
    (key) => typeof key === 'object' && key !== null && (kind !== 'spiffe-jwt' || key.use !== 'x509-svid'),
  );
  return {
    keys: wanted.map(({ use, ...key }) =>
      use === undefined ? key : { ...key, use: kind === 'spiffe-jwt' && use === 'jwt-svid' ? 'sig' : use },
    ),
  };
}

async function matching(keys: Local, header: JWSHeaderParameters): Promise<CryptoKey[] | undefined> {
  try {
    return [await keys(header)];
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) {
      const found: CryptoKey[] = [];
      for await (const key of error) found.push(key);
      return found;
    }
    if (error instanceof errors.JWKSNoMatchingKey) return undefined;
    // A key that is published and is none: as if it were not there.
    if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException)
      return undefined;
    throw error;
  }
}

/** Undefined where the library finds that it is no key set. */
function localSet(set: JSONWebKeySet | undefined): Local | undefined {
  try {
    return set === undefined ? undefined : createLocalJWKSet(set);
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}

export function createKeySet(
  { clock, caller }: { readonly clock: Clock; readonly caller: JsonCaller },
  issuer: IssuerConfig,
  config: AccessConfig['keys'],
): KeySet {
  const { name, kind, jwks } = issuer;
  let kept: Kept | undefined;
  let asking: Promise<CountersignError | undefined> | undefined;
  let askedUs: number | undefined;
  let fileTime = -1;
  const down = (reason: string): CountersignError =>
    accessError('ACCESS_PROVIDER_DOWN', { issuer: name, reason });
  const olderThan = (atUs: number | undefined, ageMs: number): boolean =>
    atUs === undefined || clock.monotonicUs() - atUs >= ageMs * 1000;

  const readFile = (path: string): CountersignError | undefined => {
    try {
      const { mtimeMs } = statSync(path);
      if (mtimeMs === fileTime) return undefined;
      const keys = localSet(usable(JSON.parse(readFileSync(path, 'utf8')), kind));
      if (keys === undefined) return down(`${path} is no key set`);
      fileTime = mtimeMs;
      kept = { keys, userInfo: undefined, atUs: clock.monotonicUs() };
      return undefined;
    } catch (error) {
      return down(`${path} cannot be read: ${(error as Error).message}`);
    }
  };
  const discover = async (): Promise<AccessResult<{ keys: string; userInfo: string | undefined }>> => {
    if (jwks !== undefined && 'uri' in jwks && !issuer.userInfo)
      return { ok: true, value: { keys: jwks.uri, userInfo: undefined } };
    const answer = await caller.call(`${issuer.issuer!.replace(/\/$/, '')}/.well-known/openid-configuration`);
    if (!answer.ok) return { ok: false, error: down(answer.reason) };
    const document = (answer.body ?? {}) as Record<string, unknown>;
    if (answer.status !== 200) return { ok: false, error: down(`discovery answers ${answer.status}`) };
    // Else one issuer's host could speak for another (RFC 8414, section 3.3).
    if (document['issuer'] !== issuer.issuer)
      return { ok: false, error: down('its discovery document is of another issuer') };
    const keys = jwks !== undefined && 'uri' in jwks ? jwks.uri : document['jwks_uri'];
    const userInfo = document['userinfo_endpoint'];
    if (typeof keys !== 'string' || addressFault(keys) !== undefined)
      return { ok: false, error: down('its jwks_uri is no address to be trusted') };
    return { ok: true, value: { keys, userInfo: typeof userInfo === 'string' ? userInfo : undefined } };
  };
  const askOnce = async (): Promise<CountersignError | undefined> => {
    const startUs = clock.monotonicUs();
    askedUs = startUs;
    const places = await discover();
    if (!places.ok) return places.error;
    const answer = await caller.call(places.value.keys);
    if (!answer.ok) return down(answer.reason);
    const keys = localSet(answer.status === 200 ? usable(answer.body, kind) : undefined);
    if (keys === undefined) return down(`its keys cannot be read (HTTP ${answer.status})`);
    kept = { keys, userInfo: places.value.userInfo, atUs: startUs };
    return undefined;
  };
  /** All who wait share one question. */
  const ask = (): Promise<CountersignError | undefined> =>
    (asking ??= askOnce().finally(() => {
      asking = undefined;
    }));
  /** Keys that may still be believed, fresh where they can be had. */
  const current = async (): Promise<AccessResult<Kept>> => {
    if (jwks !== undefined && 'file' in jwks) {
      const failed = readFile(jwks.file);
      return kept === undefined ? { ok: false, error: failed! } : { ok: true, value: kept };
    }
    // While an issuer is away each login would wait for it: one in a while asks.
    const mayAsk = kept === undefined || olderThan(askedUs, config.coolDownMs);
    const failed = olderThan(kept?.atUs, config.refreshMs) && mayAsk ? await ask() : undefined;
    if (kept !== undefined && !olderThan(kept.atUs, config.keptMsMax)) return { ok: true, value: kept };
    return { ok: false, error: failed ?? down('its keys are too old') };
  };
  return {
    async keysFor(header) {
      const first = await current();
      if (!first.ok) return first;
      const known = await matching(first.value.keys, header);
      if (known !== undefined) return { ok: true, value: known };
      // A new key, or a made-up one: who makes them up must not make us ask on and on.
      const mayAsk = (jwks === undefined || 'uri' in jwks) && olderThan(askedUs, config.coolDownMs);
      const failed = mayAsk ? await ask() : undefined;
      if (failed !== undefined) return { ok: false, error: failed };
      const found = await matching((kept ?? first.value).keys, header);
      return found === undefined
        ? { ok: false, error: accessError('ACCESS_KEY_UNKNOWN', { issuer: name }) }
        : { ok: true, value: found };
    },
    async userInfoEndpoint() {
      const found = await current();
      if (!found.ok) return found;
      const { userInfo } = found.value;
      return userInfo === undefined || addressFault(userInfo) !== undefined
        ? { ok: false, error: down('it has no userinfo endpoint') }
        : { ok: true, value: userInfo };
    },
  };
}
