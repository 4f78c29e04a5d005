/** What somebody should look at from time to time: accounts without an owner, rights that nobody uses, tokens that live too long. */
import type { Clock } from '../../../platform/clock/clock.ts';
import type { SearchIndex } from '../../../platform/search-index/search-index.ts';
import type { IdentityFinding, IdentityReview } from '../../../schemas/api/identities.ts';
import type { AccessConfig } from '../../../schemas/config/access.ts';
import type { ControlView } from '../../control/control-view.ts';
import type { StoredIdentity, StoredToken } from '../../control/token-index.ts';
import { accountOver } from '../account-over.ts';
import type { TokenStore } from '../token-store.ts';

export interface ReviewDeps {
  readonly tokens: Pick<TokenStore, 'listIdentities' | 'list'>;
  readonly view: Pick<ControlView, 'check'>;
  readonly search: Pick<SearchIndex, 'aggregate' | 'count'>;
  readonly clock: Clock;
}

const PAGE = 1000;
const IDENTITIES_MAX = 100_000;
const TOKENS_MAX = 200_000;
/** Most that the index gives at a time; whoever is not among so many is asked about by name. */
const BUCKETS_MAX = 1000;
/** Identities whose single connections are looked at. */
const LOOKED_AT_MAX = 2000;
const DAY_MS = 86_400_000;
const INDEX = 'session-events';

type Use = ReadonlyMap<string, number>;

async function allOf<T>(
  read: (options: { limit: number; after?: string }) => Promise<T[]>,
  idOf: (item: T) => string,
  max: number,
): Promise<T[]> {
  const found: T[] = [];
  for (let after: string | undefined; found.length < max;) {
    const page = await read({ limit: PAGE, ...(after === undefined ? {} : { after }) });
    found.push(...page);
    if (page.length < PAGE) break;
    after = idOf(page.at(-1)!);
  }
  return found;
}

/** Sessions since a time, by a field; undefined where the index cannot be asked. */
async function usedSince(
  search: ReviewDeps['search'],
  since: number,
  field: string,
  identityId?: string,
): Promise<Use | undefined> {
  try {
    const buckets = await search.aggregate({
      index: INDEX,
      from: since,
      filters: [
        { field: 'event.action', is: 'session_opened' },
        ...(identityId === undefined ? [] : [{ field: 'user.id', is: identityId }]),
      ],
      by: { field },
      limit: BUCKETS_MAX,
    });
    return new Map(buckets.map(({ key, count }) => [String(key), count]));
  } catch {
    return undefined;
  }
}

/** Why an owner cannot answer for anything any more. */
function ownerFault(
  { view, clock }: ReviewDeps,
  owner: string,
  known: ReadonlyMap<string, StoredIdentity>,
): string | undefined {
  const account = known.get(owner);
  if (account === undefined) return `its owner ${owner} is not known here`;
  if (account.active === false) return `its owner ${owner} has left`;
  if (accountOver(account, clock.now()) !== undefined) return `the account of its owner ${owner} has ended`;
  const refusal = view.check({
    sessionId: null,
    tokenId: null,
    identityId: owner,
    credentialSource: null,
    connection: null,
    exerciseId: null,
  });
  return refusal === undefined ? undefined : `its owner ${owner} is locked out`;
}

const isMachine = ({ kind }: StoredIdentity): boolean => kind === 'service_account' || kind === 'ai_agent';
/** Accounts that the gateway itself keeps; those of issuers are theirs to end. */
const isOwn = ({ id }: StoredIdentity): boolean => id.startsWith('countersign/');

export function createReview(
  deps: ReviewDeps,
  config: AccessConfig['review'],
): () => Promise<IdentityReview> {
  const { tokens, search, clock } = deps;

  /** Who answers for it, and until when. */
  const standing = (
    account: StoredIdentity,
    live: number,
    known: ReadonlyMap<string, StoredIdentity>,
  ): IdentityFinding[] => {
    const found: IdentityFinding[] = [];
    const say = (kind: IdentityFinding['kind'], detail: string): void =>
      void found.push({ identityId: account.id, kind, detail, tokenId: null });
    const { owner = null, expiresAt = null, active } = account;
    if (active === false && live > 0) say('ex_member', `it was ended by its issuer and has ${live} tokens`);
    if (owner !== null) {
      const fault = ownerFault(deps, owner, known);
      if (fault !== undefined) say('owner_gone', fault);
    } else if (isMachine(account) && isOwn(account)) say('no_owner', 'nobody answers for it');
    if (isMachine(account) && isOwn(account) && expiresAt === null)
      say('no_expiry', 'the account never ends');
    if (expiresAt !== null && expiresAt <= clock.now() && live > 0)
      say('ended', `its time is over, and it has ${live} tokens`);
    return found;
  };
  const longLived = (account: StoredIdentity, live: readonly StoredToken[]): IdentityFinding[] =>
    live
      .filter((token) => token.expiresAt - token.issuedAt > config.ttlMsMax)
      .map((token) => ({
        identityId: account.id,
        kind: 'long_token',
        detail: `the token lives ${Math.round((token.expiresAt - token.issuedAt) / DAY_MS)} days`,
        tokenId: token.tokenId,
      }));
  const wasUsed = async (identityId: string, since: number): Promise<boolean> => {
    const filters = [
      { field: 'event.action', is: 'session_opened' },
      { field: 'user.id', is: identityId },
    ];
    return (await search.count({ index: INDEX, from: since, filters })) > 0;
  };
  const unused = async (
    account: StoredIdentity,
    live: readonly StoredToken[],
    since: number,
    used: Use,
    mayLook: boolean,
  ): Promise<IdentityFinding[]> => {
    // What is younger than the window has had no chance yet.
    const old = live.filter((token) => token.issuedAt < since);
    if (old.length === 0) return [];
    const days = config.unusedDays;
    if (!used.has(account.id) && (used.size < BUCKETS_MAX || !(await wasUsed(account.id, since))))
      return [
        { identityId: account.id, kind: 'unused', detail: `no session in ${days} days`, tokenId: null },
      ];
    if (!mayLook) return [];
    const connections = await usedSince(search, since, 'countersign.connection', account.id);
    if (connections === undefined) return [];
    const named = [...new Set(old.flatMap((token) => token.connections))];
    const left = named.filter((name) => name !== '*' && !connections.has(name));
    const open = named.includes('*')
      ? `may open all connections and used ${[...connections.keys()].sort().join(', ')}`
      : undefined;
    const detail = [open, left.length === 0 ? undefined : `never opened ${left.join(', ')}`].filter(
      (part) => part !== undefined,
    );
    return detail.length === 0
      ? []
      : [
          {
            identityId: account.id,
            kind: 'unused_rights',
            detail: `${detail.join('; ')} in ${days} days`,
            tokenId: null,
          },
        ];
  };

  return async () => {
    const now = clock.now();
    const since = now - config.unusedDays * DAY_MS;
    const accounts = await allOf(
      (options) => tokens.listIdentities(options),
      ({ id }) => id,
      IDENTITIES_MAX,
    );
    const known = new Map(accounts.map((account) => [account.id, account]));
    const live = new Map<string, StoredToken[]>();
    for (const token of await allOf(
      (options) => tokens.list(options),
      ({ tokenId }) => tokenId,
      TOKENS_MAX,
    ))
      if (token.revokedAt === null && token.expiresAt > now)
        live.set(token.identityId, [...(live.get(token.identityId) ?? []), token]);
    const used = await usedSince(search, since, 'user.id');
    const findings: IdentityFinding[] = [];
    let looked = 0;
    for (const account of accounts) {
      const own = live.get(account.id) ?? [];
      findings.push(...standing(account, own.length, known), ...longLived(account, own));
      if (used === undefined || own.length === 0) continue;
      looked += 1;
      findings.push(...(await unused(account, own, since, used, looked <= LOOKED_AT_MAX)));
    }
    return {
      findings,
      identities: accounts.length,
      unusedDays: config.unusedDays,
      usageKnown: used !== undefined,
    };
  };
}
