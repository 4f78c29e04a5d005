/** Users and groups of SCIM as they are kept, and as they are shown (RFC 7643, sections 3.1, 4.1, 4.2). */
import type { ControlEntry, JsonObject } from '../../../platform/control-store/control-store.ts';

export const USERS = 'scim-users';
export const GROUPS = 'scim-groups';
/** `USER\nGROUP`: which groups somebody is in. */
export const MEMBERSHIPS = 'scim-memberships';
/** Identities whose tokens must still be ended. */
export const PENDING = 'scim-pending';

export const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';

export type ScimKind = 'User' | 'Group';
export type StoredResource = {
  readonly createdAt: number;
  readonly changedAt: number;
  /** Without id, schemas, meta and what only we say. */
  readonly attributes: JsonObject;
  /** Of a user: whom it stands for, and what locks it out while it is not active. */
  readonly identityId?: string;
  readonly lockoutId?: string | null;
};

/** Never kept: passwords have no business here. */
const DROPPED = new Set(['schemas', 'id', 'meta', 'password', 'groups']);

export const attributesOf = (body: Readonly<Record<string, unknown>>): JsonObject =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !DROPPED.has(name.toLowerCase()))) as JsonObject;

export const textOfAttribute = (attributes: JsonObject, name: string): string | undefined => {
  const value = attributes[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/** Some providers send "False". */
export const isActive = ({ active }: JsonObject): boolean =>
  active !== false && !(typeof active === 'string' && active.toLowerCase() === 'false');

/** Ids of a group's users; nested groups are not gone through. */
export function memberIds({ members }: JsonObject): string[] {
  if (!Array.isArray(members)) return [];
  const ids = (members as readonly JsonObject[])
    .filter((member) => typeof member === 'object' && member !== null && member['type'] !== 'Group')
    .map(({ value }) => value)
    .filter((value): value is string => typeof value === 'string');
  return [...new Set(ids)];
}

/** As the provider sees it. */
export function toScim(
  kind: ScimKind,
  { id, value, revision }: ControlEntry<StoredResource>,
  groups: readonly { readonly id: string; readonly name: string }[] = [],
): JsonObject {
  const { attributes, createdAt, changedAt } = value;
  return {
    schemas: [kind === 'User' ? USER_SCHEMA : GROUP_SCHEMA],
    id,
    ...attributes,
    ...(kind === 'User'
      ? {
          active: isActive(attributes),
          groups: groups.map((group) => ({
            value: group.id,
            display: group.name,
            $ref: `/scim/v2/Groups/${group.id}`,
          })),
        }
      : {}),
    meta: {
      resourceType: kind,
      created: new Date(createdAt).toISOString(),
      lastModified: new Date(changedAt).toISOString(),
      location: `/scim/v2/${kind}s/${id}`,
      version: `W/"${revision}"`,
    },
  };
}
