/** Who may call: bearer tokens, kept as digests only. */
import { timingSafeEqual } from 'node:crypto';
import { sha256 } from '../../../platform/digest/sha256.ts';
import type { Scope } from '../../../schemas/api/common.ts';
import type { ApiTokenConfig } from '../../../schemas/config/control-api.ts';
import type { SecretReference } from '../../../schemas/config/secret.ts';
import type { Identity } from '../../../schemas/types.ts';

export interface Principal {
  readonly subject: string;
  readonly scopes: readonly Scope[];
  /** Whose token it is, where it is one of an identity. */
  readonly identity?: Identity;
  /** Its public id, likewise. */
  readonly tokenId?: string;
}

export interface ApiTokens {
  /** The caller behind a token. Every known digest is compared, in constant time. */
  verify(token: string): Principal | undefined;
}

/** `admin` stands for all scopes. */
export const mayCall = (principal: Principal, scope: Scope | 'any'): boolean =>
  scope === 'any' || principal.scopes.includes(scope) || principal.scopes.includes('admin');

export async function createApiTokens(
  configs: readonly ApiTokenConfig[],
  readSecret: (reference: SecretReference) => Promise<string>,
): Promise<ApiTokens> {
  const known: { readonly digest: Buffer; readonly principal: Principal }[] = [];
  for (const config of configs) {
    const digest =
      'sha256' in config ? Buffer.from(config.sha256, 'hex') : sha256(await readSecret(config.secret));
    known.push({ digest, principal: { subject: config.subject, scopes: config.scopes } });
  }
  return {
    verify(token) {
      const shown = sha256(token);
      let found: Principal | undefined;
      for (const { digest, principal } of known) if (timingSafeEqual(digest, shown)) found = principal;
      return found;
    },
  };
}
