/** Who takes part in an exchange: the subject, and the agent that acts for it. */
import type { StoredIdentity, StoredToken } from '../../control/token-index.ts';
import { matchesGlob } from '../../policy/globs.ts';
import type { AccessResult } from '../access.ts';
import { accessError } from '../errors.ts';
import type { Outside } from '../issuers/outside.ts';
import { PARENTS_ATTRIBUTE, parentsOf } from '../parent-tokens.ts';

/** What an issuer says of an identity; null: nothing new. */
export type Account = Pick<StoredIdentity, 'id' | 'kind' | 'displayName'> & {
  readonly groups: readonly string[] | null;
};

export interface Party {
  readonly identityId: string;
  /** Accounts to be made known, or brought up to date. */
  readonly accounts: readonly Account[];
  readonly principals: readonly string[];
  readonly credentialSource: string | null;
  readonly attributes: Readonly<Record<string, string>>;
  readonly connections: readonly string[];
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** Each of them must match. */
  readonly networks: readonly (readonly string[])[];
  readonly bindAddress: boolean;
  readonly bindKey: Outside['bindKey'];
  /** Keys that must be proved because the credentials are bound to them. */
  readonly confirmedKeys: readonly string[];
  readonly actors: readonly string[];
  /** The outside credentials, the acting one's first; none for a token of the gateway's own. */
  readonly shown: readonly Shown[];
}

export interface Shown {
  readonly issuer: string;
  readonly digest: string;
  readonly until: number;
  readonly oneUse: boolean;
}

/** An outside credential, with whoever acts by its own claim `act`. */
export function partyOf(outside: Outside): AccessResult<Party> {
  const { act, identityId, kind, displayName, groups } = outside;
  const subject: Account = { id: identityId, kind, displayName, groups };
  const [actor] = act;
  if (actor !== undefined && !mayAct(outside.actors, actor.identityId))
    return {
      ok: false,
      error: accessError('ACCESS_ACTOR_DENIED', { actor: actor.identityId, subject: identityId }),
    };
  const agents = act.map(({ identityId: id, subject: name }): Account => ({
    id,
    kind: 'ai_agent',
    displayName: name,
    groups: [],
  }));
  return {
    ok: true,
    value: {
      identityId: actor?.identityId ?? identityId,
      accounts: [...agents, subject],
      // Earlier actors, nearest first, and at the end whom they all act for.
      principals: actor === undefined ? [] : [...act.slice(1).map((one) => one.identityId), identityId],
      credentialSource: outside.credentialSource,
      attributes: outside.attributes,
      connections: outside.connections,
      issuedAt: outside.issuedAt,
      expiresAt: outside.expiresAt,
      networks: outside.networks === null ? [] : [outside.networks],
      bindAddress: outside.bindAddress,
      bindKey: outside.bindKey,
      confirmedKeys: outside.confirmedKey === null ? [] : [outside.confirmedKey],
      actors: actor === undefined ? outside.actors : [],
      shown: [
        { issuer: outside.issuer, digest: outside.digest, until: outside.until, oneUse: outside.oneUse },
      ],
    },
  };
}

/** A token of the gateway's own, whose account is known. */
export function partyOfToken(token: StoredToken): Party {
  return {
    identityId: token.identityId,
    accounts: [],
    principals: token.principals ?? [],
    credentialSource: token.credentialSource,
    attributes: {
      ...token.attributes,
      [PARENTS_ATTRIBUTE]: [token.tokenId, ...parentsOf(token.attributes)].join(' '),
    },
    connections: token.connections,
    issuedAt: token.issuedAt,
    expiresAt: token.expiresAt,
    networks: token.bindings?.networks ?? [],
    bindAddress: false,
    bindKey: 'none',
    confirmedKeys: token.bindings?.key === undefined ? [] : [token.bindings.key],
    actors: token.actors ?? [],
    shown: [],
  };
}

export const mayAct = (actors: readonly string[], identityId: string): boolean =>
  actors.some((pattern) => matchesGlob(pattern, identityId));

/** Longer chains are nobody's honest delegation. */
const PARENTS_MAX = 8;

/** What both may open. */
export function bothOpen(one: readonly string[], other: readonly string[]): string[] {
  if (one.includes('*')) return [...other];
  return other.includes('*') ? [...one] : one.filter((name) => other.includes(name));
}

/** The agent on behalf of the subject (RFC 8693, section 1.1: delegation): what both may, as long as both may. */
export function delegate(subject: Party, actor: Party): AccessResult<Party> {
  const denied: AccessResult<Party> = {
    ok: false,
    error: accessError('ACCESS_ACTOR_DENIED', { actor: actor.identityId, subject: subject.identityId }),
  };
  if (subject.identityId === actor.identityId || !mayAct(subject.actors, actor.identityId)) return denied;
  const principals = [subject.identityId, ...subject.principals, ...actor.principals];
  const parents = [...new Set([...parentsOf(actor.attributes), ...parentsOf(subject.attributes)])];
  if (parents.length > PARENTS_MAX) return denied;
  return {
    ok: true,
    value: {
      ...actor,
      accounts: [...actor.accounts, ...subject.accounts],
      principals: [...new Set(principals)].filter((id) => id !== actor.identityId),
      attributes:
        parents.length === 0
          ? actor.attributes
          : { ...actor.attributes, [PARENTS_ATTRIBUTE]: parents.join(' ') },
      connections: bothOpen(actor.connections, subject.connections),
      expiresAt: Math.min(actor.expiresAt, subject.expiresAt),
      networks: [...actor.networks, ...subject.networks],
      confirmedKeys: [...actor.confirmedKeys, ...subject.confirmedKeys],
      bindAddress: actor.bindAddress || subject.bindAddress,
      bindKey: actor.bindKey === 'none' ? subject.bindKey : actor.bindKey,
      actors: [],
      shown: [...actor.shown, ...subject.shown],
    },
  };
}
