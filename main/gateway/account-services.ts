/** Tokens and identities as the control API shows them. */
import type { IdentitiesService, TokensService } from '../../gateway/control-api/services.ts';
import type { TokenStore } from '../../gateway/access/token-store.ts';
import type { StoredIdentity, StoredToken } from '../../gateway/control/token-index.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import type { IdentityRecord } from '../../schemas/api/identities.ts';
import type { TokenSummary } from '../../schemas/api/tokens.ts';
import type { CredentialIssued } from '../../schemas/types.ts';

function summarise(token: StoredToken): TokenSummary {
  const { tokenId, identityId, connections, credentialSource, issuedAt, issuedBy, expiresAt, revokedAt } =
    token;
  return {
    tokenId,
    identityId,
    connections: [...connections],
    credentialSource,
    issuedAt,
    issuedBy,
    expiresAt,
    revokedAt,
  };
}

export function createTokensService(
  tokens: TokenStore,
  clock: Clock,
  issued: (event: CredentialIssued) => void,
): TokensService {
  return {
    async issue(request, { by, idempotencyKey }) {
      const made = await tokens.issue({
        identityId: request.identityId,
        connections: request.connections,
        ttlMs: request.ttlMs,
        credentialSource: request.credentialSource ?? null,
        attributes: request.attributes ?? {},
        by,
        idempotencyKey,
      });
      if (!made.ok) return made;
      const { token, userName, stored } = made.value;
      issued({
        kind: 'credential_issued',
        tokenId: stored.tokenId,
        forIdentity: stored.identityId,
        expiresAt: stored.expiresAt,
        by,
      });
      return { ok: true, value: { token, userName, summary: summarise(stored) } };
    },
    async list({ limit, after, identity, live }) {
      const options = {
        limit,
        ...(after === undefined ? {} : { after }),
        ...(identity === undefined ? {} : { identityId: identity }),
      };
      const page = await tokens.list(options);
      const now = clock.now();
      const items = page
        .filter(({ revokedAt, expiresAt }) => !live || (revokedAt === null && expiresAt > now))
        .map(summarise);
      return page.length < limit ? { items } : { items, next: page.at(-1)!.tokenId };
    },
  };
}

const toRecord = ({
  id,
  kind,
  displayName,
  groups,
  onBehalfOf,
  breakGlass,
  attributes,
}: StoredIdentity): IdentityRecord => ({
  id,
  kind: kind === 'unknown' ? 'service_account' : kind,
  displayName,
  groups: [...groups],
  onBehalfOf: [...onBehalfOf],
  breakGlass,
  attributes: { ...attributes },
});

export function createIdentitiesService(tokens: TokenStore): IdentitiesService {
  return {
    async put(identity) {
      await tokens.putIdentity(identity);
      return { ok: true, value: identity };
    },
    async list({ limit, after, id }) {
      if (id !== undefined) {
        const found = await tokens.getIdentity(id);
        return { items: found === undefined ? [] : [toRecord(found)] };
      }
      const page = await tokens.listIdentities({ limit, ...(after === undefined ? {} : { after }) });
      const items = page.map(toRecord);
      return page.length < limit ? { items } : { items, next: page.at(-1)!.id };
    },
  };
}
