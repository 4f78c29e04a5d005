import type { Page } from '../schemas/api/common.ts';
import type { IdentityRecord } from '../schemas/api/identities.ts';
import type { IssueTokenAnswer } from '../schemas/api/tokens.ts';
import type { ApiClient } from './api-client.ts';

export interface TokenWish {
  /** Account of the gateway, or an identity id (issuer/subject). */
  readonly subject: string;
  /** For an account that is not there yet; `human` where absent. */
  readonly kind?: string;
  /** Absent: as they are. */
  readonly groups?: readonly string[];
  readonly connections: readonly string[];
  readonly ttlMs: number;
  readonly credentialSource?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

export const identityIdOf = (subject: string): string =>
  subject.includes('/') ? subject : `countersign/${subject}`;

/** Makes the account known, or brings its groups up to date and keeps the rest of it; then issues a token for it. */
export async function issueToken(api: ApiClient, wish: TokenWish): Promise<IssueTokenAnswer> {
  const { subject, kind, groups, connections, ttlMs, credentialSource, attributes } = wish;
  const id = identityIdOf(subject);
  const [known] = (await api.get<Page<IdentityRecord>>('/v1/identities', { id })).items;
  const sameGroups = groups === undefined || groups.join('\n') === known?.groups.join('\n');
  if (known === undefined)
    await api.send('PUT', '/v1/identities', {
      id,
      kind: kind ?? 'human',
      displayName: subject,
      groups: groups ?? [],
    });
  else if (!sameGroups || (kind !== undefined && kind !== known.kind))
    await api.send('PUT', '/v1/identities', {
      ...known,
      kind: kind ?? known.kind,
      groups: groups ?? known.groups,
    });
  return api.send('POST', '/v1/tokens', {
    identityId: id,
    ttlMs,
    connections,
    ...(credentialSource === undefined ? {} : { credentialSource }),
    ...(attributes === undefined ? {} : { attributes }),
  });
}
