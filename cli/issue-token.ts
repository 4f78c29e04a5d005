import type { IssueTokenAnswer } from '../schemas/api/tokens.ts';
import type { ApiClient } from './api-client.ts';

export interface TokenWish {
  readonly subject: string;
  readonly kind: string;
  readonly groups: readonly string[];
  readonly connections: readonly string[];
  readonly ttlMs: number;
  readonly credentialSource?: string;
}

/** Makes the account known (or brings its groups up to date) and issues a token for it. */
export async function issueToken(api: ApiClient, wish: TokenWish): Promise<IssueTokenAnswer> {
  const identityId = `countersign/${wish.subject}`;
  await api.send('PUT', '/v1/identities', {
    id: identityId,
    kind: wish.kind,
    displayName: wish.subject,
    groups: wish.groups,
  });
  return api.send('POST', '/v1/tokens', {
    identityId,
    ttlMs: wish.ttlMs,
    connections: wish.connections,
    ...(wish.credentialSource === undefined ? {} : { credentialSource: wish.credentialSource }),
  });
}
