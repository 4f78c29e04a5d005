/**
 * People and groups as an identity provider pushes them (SCIM 2.0). Whoever is deactivated is locked out, with tokens and sessions on
 * every gateway; whoever loses a group loses the tokens that were issued while he had it.
 */
import type { Random } from '../../../platform/clock/clock.ts';
import type {
  ControlEntry,
  ControlStore,
  ControlTransaction,
  JsonObject,
} from '../../../platform/control-store/control-store.ts';
import type { AccessConfig } from '../../../schemas/config/access.ts';
import type { AccessResult } from '../access.ts';
import { accessError } from '../errors.ts';
import { GROUPS_MAX, groupsOf, identityIdOf, syncIdentity, takeNames } from './accounts.ts';
import { createContainment, type ContainmentDeps } from './containment.ts';
import { parseFilter } from './filter.ts';
import { patched, type PatchOperation } from './patch.ts';
import { guarded, invalid, Refused } from './refused.ts';
import {
  attributesOf,
  GROUPS,
  isActive,
  memberIds,
  MEMBERSHIPS,
  textOfAttribute,
  toScim,
  USERS,
  type ScimKind,
  type StoredResource,
} from './resources.ts';

export interface ScimPage {
  readonly totalResults: number;
  readonly startIndex: number;
  readonly resources: readonly JsonObject[];
}

export interface ScimDirectory {
  create(kind: ScimKind, body: Readonly<Record<string, unknown>>): Promise<AccessResult<JsonObject>>;
  get(kind: ScimKind, id: string): Promise<AccessResult<JsonObject>>;
  /** `startIndex` from 1; `count` 0 only counts. */
  list(
    kind: ScimKind,
    query: { readonly filter?: string; readonly startIndex: number; readonly count: number },
  ): Promise<AccessResult<ScimPage>>;
  replace(
    kind: ScimKind,
    id: string,
    body: Readonly<Record<string, unknown>>,
  ): Promise<AccessResult<JsonObject>>;
  patch(kind: ScimKind, id: string, operations: readonly PatchOperation[]): Promise<AccessResult<JsonObject>>;
  remove(kind: ScimKind, id: string): Promise<AccessResult<null>>;
}

export interface ScimDeps extends ContainmentDeps {
  readonly random: Random;
}

const PAGE = 1000;
const MEMBERS_MAX = 10_000;

const collectionOf = (kind: ScimKind): string => (kind === 'User' ? USERS : GROUPS);

export function createScimDirectory(
  deps: ScimDeps,
  config: NonNullable<AccessConfig['scim']>,
): ScimDirectory {
  const { store, clock, random, onAccount } = deps;
  const containment = createContainment(deps);
  const find = async (
    reader: Pick<ControlTransaction, 'get'> | ControlStore,
    kind: ScimKind,
    id: string,
  ): Promise<ControlEntry<StoredResource>> => {
    const found = await reader.get<StoredResource>(collectionOf(kind), id);
    if (found === undefined) throw new Refused(accessError('SCIM_ABSENT', { what: `${kind} ${id}` }));
    return found;
  };
  const show = async (kind: ScimKind, entry: ControlEntry<StoredResource>): Promise<JsonObject> =>
    toScim(kind, entry, kind === 'User' ? await groupsOf(store, entry.id) : []);

  /** Writes a user or a group with all that follows from it. `attributes` null: it goes. */
  const write = async (
    kind: ScimKind,
    id: string,
    attributes: JsonObject | null,
    isNew: boolean,
  ): Promise<void> => {
    const before = isNew ? undefined : (await find(store, kind, id)).value;
    let lockoutId = before?.lockoutId ?? null;
    const identityId =
      kind === 'Group'
        ? undefined
        : attributes === null
          ? before?.identityId
          : identityIdOf(config, attributes, id);
    if (before?.identityId !== undefined && identityId !== before.identityId)
      throw invalid(`${config.subjectFrom} is whom the account stands for, and stays`);
    const gone = attributes === null || !isActive(attributes);
    if (identityId !== undefined && gone && lockoutId === null)
      lockoutId = await containment.lockOut(identityId);
    const freed = identityId !== undefined && !gone && lockoutId !== null ? lockoutId : null;
    if (freed !== null) lockoutId = null;
    await store.transact(async (transaction) => {
      const entry = await transaction.get<StoredResource>(collectionOf(kind), id);
      if (!isNew && entry === undefined)
        throw new Refused(accessError('SCIM_ABSENT', { what: `${kind} ${id}` }));
      const old = entry?.value;
      const now = clock.now();
      const value: StoredResource = {
        createdAt: old?.createdAt ?? now,
        changedAt: now,
        // Whoever is deleted stays known as not active.
        attributes: attributes ?? { ...old!.attributes, active: false },
        ...(identityId === undefined ? {} : { identityId, lockoutId }),
      };
      if (kind === 'User') await takeNames(transaction, id, old, attributes === null ? null : value);
      await transaction.put(collectionOf(kind), id, value);
      const touched = new Set<string>(kind === 'User' ? [id] : []);
      if (kind === 'Group') {
        const [was, is] = [memberIds(old?.attributes ?? {}), memberIds(attributes ?? {})];
        if (is.length > MEMBERS_MAX) throw invalid(`a group has at most ${MEMBERS_MAX} members here`);
        for (const userId of is.filter((one) => !was.includes(one)))
          await transaction.put(MEMBERSHIPS, `${userId}\n${id}`, {});
        for (const userId of was.filter((one) => !is.includes(one)))
          await transaction.delete(MEMBERSHIPS, `${userId}\n${id}`);
        for (const userId of [...was, ...is]) touched.add(userId);
      }
      for (const userId of touched) await syncIdentity(transaction, userId);
      if (attributes === null) {
        await transaction.delete(collectionOf(kind), id);
        if (kind === 'User')
          for (const { id: membership } of await transaction.list(MEMBERSHIPS, {
            prefix: `${id}\n`,
            limit: GROUPS_MAX,
          }))
            await transaction.delete(MEMBERSHIPS, membership);
      }
    });
    if (identityId !== undefined) onAccount(identityId);
    if (freed !== null) await containment.release(freed);
    await containment.settle();
  };

  return {
    create: (kind, body) =>
      guarded(async () => {
        const id = random.uuidv7(clock.now());
        const attributes = attributesOf(body);
        if (kind === 'Group' && textOfAttribute(attributes, 'displayName') === undefined)
          throw invalid('displayName is missing');
        await write(kind, id, attributes, true);
        return show(kind, await find(store, kind, id));
      }),
    get: (kind, id) => guarded(async () => show(kind, await find(store, kind, id))),
    list: (kind, { filter, startIndex, count }) =>
      guarded(async () => {
        const wanted = filter === undefined ? () => true : parseFilter(filter);
        if (wanted === undefined)
          throw new Refused(accessError('SCIM_FILTER', { filter: filter!.slice(0, 200) }));
        const resources: JsonObject[] = [];
        let total = 0;
        for (let after: string | undefined; ;) {
          const page: ControlEntry<StoredResource>[] = await store.list<StoredResource>(collectionOf(kind), {
            limit: PAGE,
            ...(after === undefined ? {} : { after }),
          });
          for (const entry of page) {
            // Groups of each user are looked up only where somebody asks for them.
            const shown = filter?.includes('groups') === true ? await show(kind, entry) : toScim(kind, entry);
            if (!wanted(shown)) continue;
            total += 1;
            if (total >= startIndex && resources.length < count) resources.push(await show(kind, entry));
          }
          if (page.length < PAGE) break;
          after = page.at(-1)!.id;
        }
        return { totalResults: total, startIndex, resources };
      }),
    replace: (kind, id, body) =>
      guarded(async () => {
        await write(kind, id, attributesOf(body), false);
        return show(kind, await find(store, kind, id));
      }),
    patch: (kind, id, operations) =>
      guarded(async () => {
        const { value } = await find(store, kind, id);
        const after = patched(value.attributes, operations);
        if (after === undefined) throw invalid('an operation of the patch makes no sense');
        await write(kind, id, attributesOf(after), false);
        return show(kind, await find(store, kind, id));
      }),
    remove: (kind, id) =>
      guarded(async () => {
        await write(kind, id, null, false);
        return null;
      }),
  };
}
