/** From what a provider pushed to the identity behind it, within a transaction. */
import type {
  ControlStore,
  ControlTransaction,
  JsonObject,
} from '../../../platform/control-store/control-store.ts';
import type { AccessConfig } from '../../../schemas/config/access.ts';
import { IDENTITIES, type StoredIdentity } from '../../control/token-index.ts';
import { accessError } from '../errors.ts';
import { invalid, Refused } from './refused.ts';
import {
  GROUPS,
  isActive,
  MEMBERSHIPS,
  PENDING,
  textOfAttribute,
  USERS,
  type StoredResource,
} from './resources.ts';

export const GROUPS_MAX = 500;
const USER_NAMES = 'scim-user-names';
const SUBJECTS = 'scim-subjects';

type Reader = Pick<ControlTransaction, 'get' | 'list'> | ControlStore;

export async function groupsOf(reader: Reader, userId: string): Promise<{ id: string; name: string }[]> {
  const prefix = `${userId}\n`;
  const entries = await reader.list(MEMBERSHIPS, { prefix, limit: GROUPS_MAX });
  const groups = await Promise.all(
    entries.map(({ id }) => reader.get<StoredResource>(GROUPS, id.slice(prefix.length))),
  );
  return groups
    .filter((group) => group !== undefined)
    .map(({ id, value }) => ({ id, name: textOfAttribute(value.attributes, 'displayName') ?? id }));
}

/** Whom an account stands for. */
export function identityIdOf(
  config: NonNullable<AccessConfig['scim']>,
  attributes: JsonObject,
  id: string,
): string {
  const subject = config.subjectFrom === 'id' ? id : textOfAttribute(attributes, config.subjectFrom);
  if (subject === undefined || subject.length > 400)
    throw invalid(`${config.subjectFrom} is missing or too long`);
  return `${config.issuer}/${subject}`;
}

/** Brings the identity up to date; whoever has lost a group is noted down. */
export async function syncIdentity(transaction: ControlTransaction, userId: string): Promise<void> {
  const user = (await transaction.get<StoredResource>(USERS, userId))?.value;
  if (user?.identityId === undefined) return;
  const { attributes, identityId } = user;
  const before = (await transaction.get<StoredIdentity>(IDENTITIES, identityId))?.value;
  const groups = (await groupsOf(transaction, userId)).map(({ name }) => name.slice(0, 200)).sort();
  const email = (attributes['emails'] as readonly JsonObject[] | undefined)?.[0]?.['value'];
  const userName = textOfAttribute(attributes, 'userName');
  const identity: StoredIdentity = {
    onBehalfOf: [],
    breakGlass: false,
    ...before,
    id: identityId,
    kind: 'human',
    displayName: (textOfAttribute(attributes, 'displayName') ?? userName ?? identityId).slice(0, 200),
    groups,
    active: isActive(attributes),
    attributes: {
      ...before?.attributes,
      ...(userName === undefined ? {} : { user_name: userName.slice(0, 500) }),
      ...(typeof email === 'string' ? { email: email.slice(0, 500) } : {}),
    },
  };
  if (JSON.stringify(identity) !== JSON.stringify(before))
    await transaction.put(IDENTITIES, identityId, identity);
  const lost = before?.groups.some((group) => !groups.includes(group)) === true;
  // In the transaction that takes the group: a crash must not leave tokens that know it.
  if (lost) await transaction.put(PENDING, identityId, {});
}

/** A text that is there once, and who has it; the one before is free again. Null: there is none. */
async function takeOnce(
  transaction: ControlTransaction,
  collection: string,
  userId: string,
  before: string | null,
  after: string | null,
): Promise<boolean> {
  if (before === after) return true;
  if (after !== null) {
    const taken = await transaction.get<{ userId: string }>(collection, after);
    if (taken !== undefined && taken.value.userId !== userId) return false;
    await transaction.put(collection, after, { userId });
  }
  if (before !== null) await transaction.delete(collection, before);
  return true;
}

/** User names, and whom accounts stand for, are there once. `after` null: the account goes. */
export async function takeNames(
  transaction: ControlTransaction,
  userId: string,
  before: StoredResource | undefined,
  after: StoredResource | null,
): Promise<void> {
  const nameOf = (user: StoredResource | null | undefined): string | null =>
    textOfAttribute(user?.attributes ?? {}, 'userName')?.toLowerCase() ?? null;
  if (after !== null && nameOf(after) === null) throw invalid('userName is missing');
  const taken = (what: string): Refused => new Refused(accessError('SCIM_TAKEN', { what }));
  if (!(await takeOnce(transaction, USER_NAMES, userId, nameOf(before), nameOf(after))))
    throw taken(`userName ${nameOf(after)!}`);
  const [was, is] = [before?.identityId ?? null, after?.identityId ?? null];
  if (!(await takeOnce(transaction, SUBJECTS, userId, was, is))) throw taken(`identity ${is!}`);
}
