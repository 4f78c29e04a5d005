/** Who may call: bearer tokens, kept as digests only. */
import { createHash, timingSafeEqual } from 'node:crypto';
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

export const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest();

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
      'sha256' in config ? Buffer.from(config.sha256, 'hex') : digestOf(await readSecret(config.secret));
    known.push({ digest, principal: { subject: config.subject, scopes: config.scopes } });
  }
  return {
    verify(token) {
      const shown = digestOf(token);
      let found: Principal | undefined;
      for (const { digest, principal } of known) if (timingSafeEqual(digest, shown)) found = principal;
      return found;
    },
  };
}
