/** From verified claims to whom they stand for: the first rule that matches, and what its kind leaves open. */
import type { AccessRule, CertificateSourceConfig, IssuerConfig } from '../../../schemas/config/access.ts';
import { matchesGlob } from '../../policy/globs.ts';
import type { AccessResult } from '../access.ts';
import { accessError } from '../errors.ts';
import { claimOf, fillTemplate, firstFilled, matchesClaims, namesOf, textOf, type Claims } from './claims.ts';
import { DEFAULTS } from './defaults.ts';
import type { Outside, OutsideActor } from './outside.ts';

export interface Verified {
  readonly source: Pick<IssuerConfig | CertificateSourceConfig, 'name' | 'kind' | 'rules'> & {
    readonly groupsFrom?: 'claims' | 'scim';
    readonly oneUse?: boolean;
  };
  readonly claims: Claims;
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly digest: string;
  readonly now: number;
}

const SUBJECT_CHARACTERS_MAX = 400;
const ATTRIBUTE_CHARACTERS_MAX = 500;
const SOURCE_CHARACTERS_MAX = 500;
const NAME_CHARACTERS_MAX = 200;
/** Longer chains are nobody's honest delegation. */
const ACTORS_MAX = 4;

/** Claim `act` (RFC 8693, section 4.1), the present actor first; undefined where it is malformed. */
function actorsOf(source: string, claims: Claims): OutsideActor[] | undefined {
  const actors: OutsideActor[] = [];
  for (let at = claims['act']; at !== undefined; at = (at as Claims)['act']) {
    if (typeof at !== 'object' || at === null || actors.length >= ACTORS_MAX) return undefined;
    const { sub, iss: issuer } = at as Claims;
    const subject = typeof sub === 'string' ? textOf(sub) : undefined;
    if (subject === undefined || subject.length > SUBJECT_CHARACTERS_MAX) return undefined;
    // An issuer speaks for its own subjects only.
    if (issuer !== undefined && issuer !== claims['iss']) return undefined;
    actors.push({ identityId: `${source}/${subject}`, subject });
  }
  return actors;
}

/** `cnf` of the outside token (RFC 7800): a JWK thumbprint or a certificate's. */
function confirmedKeyOf(claims: Claims): string | null {
  const confirmation = claims['cnf'];
  if (typeof confirmation !== 'object' || confirmation === null) return null;
  const jkt = textOf((confirmation as Claims)['jkt']);
  const certificate = textOf((confirmation as Claims)['x5t#S256']);
  if (jkt !== undefined) return `dpop:${jkt}`;
  return certificate === undefined ? 'unknown:' : `mtls:${certificate}`;
}

/** `may_act` (RFC 8693, section 4.4) as an identity id. */
function mayActOf(source: string, claims: Claims): string[] {
  const may = claims['may_act'];
  if (typeof may !== 'object' || may === null) return [];
  const { sub, iss: issuer } = may as Claims;
  const subject = typeof sub === 'string' ? textOf(sub) : undefined;
  if (subject === undefined || (issuer !== undefined && issuer !== claims['iss'])) return [];
  // It is a name, not a pattern.
  return subject.includes('*') ? [] : [`${source}/${subject}`];
}

function attributesOf(rule: AccessRule, defaults: Readonly<Record<string, string>>, claims: Claims) {
  const attributes: Record<string, string> = {};
  for (const [name, template] of Object.entries({ ...defaults, ...rule.attributes })) {
    const text = fillTemplate(template, claims);
    if (text !== undefined) attributes[name] = text.slice(0, ATTRIBUTE_CHARACTERS_MAX);
  }
  return attributes;
}

export function takeClaims({
  source,
  claims,
  issuedAt,
  expiresAt,
  digest,
  now,
}: Verified): AccessResult<Outside> {
  const { name: issuer, kind } = source;
  const malformed = (reason: string): AccessResult<Outside> => ({
    ok: false,
    error: accessError('ACCESS_TOKEN_MALFORMED', { issuer, reason }),
  });
  const rule = source.rules.find(({ match }) => matchesClaims(match, claims));
  if (rule === undefined) return { ok: false, error: accessError('ACCESS_NO_RULE', { issuer }) };
  const defaults = DEFAULTS[kind];
  const subject = fillTemplate(rule.subject, claims);
  if (subject === undefined || subject.length > SUBJECT_CHARACTERS_MAX)
    return malformed(`it has no subject ${rule.subject}`);
  const place = firstFilled(rule.credentialSource ?? defaults.credentialSource, claims) ?? subject;
  const act = actorsOf(issuer, claims);
  if (act === undefined) return malformed('its claim act cannot be read');
  const groupsClaim = rule.groupsClaim ?? defaults.groupsClaim;
  const { groupsAllowed = ['*'] } = rule;
  const ownGroups = (groupsClaim === undefined ? [] : namesOf(claimOf(claims, groupsClaim))).filter((group) =>
    groupsAllowed.some((pattern) => matchesGlob(pattern, group)),
  );
  return {
    ok: true,
    value: {
      issuer,
      rule: rule.name,
      identityId: `${issuer}/${subject}`,
      kind: rule.identityKind ?? defaults.identityKind,
      displayName: (
        (rule.displayName === undefined ? undefined : fillTemplate(rule.displayName, claims)) ??
        firstFilled(defaults.displayName, claims) ??
        subject
      ).slice(0, NAME_CHARACTERS_MAX),
      groups: source.groupsFrom === 'scim' ? null : [...new Set([...ownGroups, ...rule.groups])],
      credentialSource: `${issuer}/${place}`.slice(0, SOURCE_CHARACTERS_MAX),
      attributes: {
        ...attributesOf(rule, defaults.attributes, claims),
        access_rule: rule.name,
      },
      connections: rule.connections,
      issuedAt,
      expiresAt: Math.min(expiresAt, now + rule.ttlMsMax),
      until: expiresAt,
      networks: rule.networks ?? null,
      bindAddress: rule.bindAddress,
      bindKey: rule.bindKey,
      confirmedKey: confirmedKeyOf(claims),
      actors: [...rule.actors, ...mayActOf(issuer, claims)],
      act,
      digest,
      oneUse: source.oneUse ?? false,
    },
  };
}
