/** Tokens and identities as the control API shows them. */
import type { IdentitiesService, TokensService } from '../../gateway/control-api/services.ts';
import type { TokenStore } from '../../gateway/access/token-store.ts';
import type { StoredIdentity, StoredToken } from '../../gateway/control/token-index.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import type { IdentityRecord, IdentityReview } from '../../schemas/api/identities.ts';
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
  owner = null,
  expiresAt = null,
  ttlMsMax = null,
  active = true,
}: StoredIdentity): IdentityRecord => ({
  id,
  kind: kind === 'unknown' ? 'service_account' : kind,
  displayName,
  groups: [...groups],
  onBehalfOf: [...onBehalfOf],
  breakGlass,
  attributes: { ...attributes },
  owner,
  expiresAt,
  ttlMsMax,
  active,
});

export function createIdentitiesService(
  tokens: TokenStore,
  { onAccount, review }: { onAccount(identityId: string): void; review(): Promise<IdentityReview> },
): IdentitiesService {
  return {
    async put({ active: _active, ...identity }) {
      // Only its issuer ends an account, or brings it back.
      const active = (await tokens.getIdentity(identity.id))?.active;
      const stored = { ...identity, ...(active === undefined ? {} : { active }) };
      await tokens.putIdentity(stored);
      onAccount(identity.id);
      return { ok: true, value: toRecord(stored) };
    },
    review,
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
