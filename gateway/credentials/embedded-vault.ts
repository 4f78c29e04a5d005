/**
 * Vault in the control store. Each secret is sealed with its own data key, which is sealed with the vault's key: changing that
 * re-wraps the data keys and touches no secret. Path and version are authenticated, so that records cannot be exchanged.
 */
import type { Random } from '../../platform/clock/clock.ts';
import type { ControlStore, ControlTransaction } from '../../platform/control-store/control-store.ts';
import { vaultError } from './errors.ts';
import { seal, unseal } from './sealed.ts';
import type { Vault, VaultSecret } from './vault.ts';

export interface KeyWrapper {
  /** Seals a data key for storage outside of the vault (recordings). */
  wrap(context: string, key: Buffer): Buffer;
  /** Undefined where it was not wrapped by this vault under this context. */
  unwrap(context: string, wrapped: Buffer): Buffer | undefined;
}

export interface EmbeddedVault extends Vault, KeyWrapper {
  /** Re-wraps every record under `newKey`, which then is the key. Can be repeated after a crash in between. */
  rotate(newKey: Buffer): Promise<void>;
}

type Version = { readonly version: number; readonly wrapped: string; readonly sealed: string };
type Entry = { readonly versions: readonly Version[] };
/** Says which key the vault is sealed with, and holds the key that wraps recordings' keys. */
type Check = { readonly wrapped: string };

const COLLECTION = 'vault';
const CHECK = { collection: 'vault-check', id: 'key' } as const;
const VALUE_BYTES_MAX = 65_536;
const VERSIONS_MAX = 10;
const PAGE = 500;
const CHECK_CONTEXT = 'countersign vault check';

const contextOf = (path: string, version: number): string => `countersign vault ${path}#${version}`;
const base64 = (text: string): Buffer => Buffer.from(text, 'base64');

function checkPath(path: string): void {
  if (!/^[a-zA-Z0-9._/-]{1,512}$/.test(path))
    throw vaultError('VAULT_INVALID', { reason: 'the path is not allowed' });
}

/** Opens (and at the first time makes) the vault; rejects with VAULT_KEY_WRONG. */
export async function createEmbeddedVault(
  { store, random }: { readonly store: ControlStore; readonly random: Random },
  { key: initialKey }: { readonly key: Buffer },
): Promise<EmbeddedVault> {
  let key = Buffer.from(initialKey);
  const nonce = (): Buffer => Buffer.from(random.bytes(12));
  const wrapping = await store.transact(async (transaction) => {
    const entry = await transaction.get<Check>(CHECK.collection, CHECK.id);
    if (entry !== undefined) return unseal(key, CHECK_CONTEXT, base64(entry.value.wrapped));
    const fresh = Buffer.from(random.bytes(32));
    await transaction.put(CHECK.collection, CHECK.id, {
      wrapped: seal(key, nonce(), CHECK_CONTEXT, fresh).toString('base64'),
    });
    return fresh;
  });
  if (wrapping === undefined) throw vaultError('VAULT_KEY_WRONG');

  /** Another process may have changed the key since this one started: what is sealed with the old one nobody could open. */
  const checkKey = async (reader: Pick<ControlTransaction, 'get'>): Promise<void> => {
    const entry = await reader.get<Check>(CHECK.collection, CHECK.id);
    if (entry === undefined || unseal(key, CHECK_CONTEXT, base64(entry.value.wrapped)) === undefined)
      throw vaultError('VAULT_KEY_WRONG');
  };
  const open = async (path: string, { version, wrapped, sealed }: Version): Promise<VaultSecret> => {
    const context = contextOf(path, version);
    const dataKey = unseal(key, context, base64(wrapped));
    const value = dataKey === undefined ? undefined : unseal(dataKey, context, base64(sealed));
    if (value !== undefined) return { value: value.toString(), version };
    await checkKey(store);
    throw vaultError('VAULT_RECORD_DAMAGED', { path });
  };
  const checkValue = (value: string): void => {
    if (Buffer.byteLength(value) > VALUE_BYTES_MAX)
      throw vaultError('VAULT_INVALID', { reason: 'the value is over 64 KiB' });
  };
  const add = async (
    transaction: ControlTransaction,
    path: string,
    before: readonly Version[],
    value: string,
  ): Promise<number> => {
    await checkKey(transaction);
    const dataKey = Buffer.from(random.bytes(32));
    const version = (before.at(-1)?.version ?? 0) + 1;
    const context = contextOf(path, version);
    const added: Version = {
      version,
      wrapped: seal(key, nonce(), context, dataKey).toString('base64'),
      sealed: seal(dataKey, nonce(), context, Buffer.from(value)).toString('base64'),
    };
    await transaction.put(COLLECTION, path, { versions: [...before, added].slice(-VERSIONS_MAX) });
    return version;
  };

  return {
    async get(path, version) {
      checkPath(path);
      const entry = await store.get<Entry>(COLLECTION, path);
      const found =
        version === undefined
          ? entry?.value.versions.at(-1)
          : entry?.value.versions.find((candidate) => candidate.version === version);
      if (found === undefined) return undefined;
      return open(path, found);
    },
    put(path, value) {
      checkPath(path);
      checkValue(value);
      return store.transact(async (transaction) => {
        const entry = await transaction.get<Entry>(COLLECTION, path);
        return add(transaction, path, entry?.value.versions ?? [], value);
      });
    },
    async getOrPut(path, value) {
      checkPath(path);
      checkValue(value);
      const found = await store.transact(async (transaction) => {
        const entry = await transaction.get<Entry>(COLLECTION, path);
        const newest = entry?.value.versions.at(-1);
        if (newest === undefined) await add(transaction, path, [], value);
        return newest;
      });
      return found === undefined ? { value, version: 1 } : open(path, found);
    },
    async list(prefix, limit) {
      return (await store.list(COLLECTION, { prefix, limit })).map(({ id }) => id);
    },
    delete: (path) =>
      store.transact(async (transaction) => {
        if ((await transaction.get(COLLECTION, path)) === undefined) return false;
        await transaction.delete(COLLECTION, path);
        return true;
      }),
    async rotate(newKey) {
      if (newKey.length !== 32) throw vaultError('VAULT_KEY_INVALID', { reason: 'it is not 32 bytes' });
      // One transaction: at no time is the vault under two keys. It holds thousands of secrets, not millions.
      await store.transact(async (transaction) => {
        await checkKey(transaction);
        for (let after: string | undefined; ;) {
          const page = await transaction.list<Entry>(COLLECTION, {
            limit: PAGE,
            ...(after === undefined ? {} : { after }),
          });
          for (const { id, value } of page) {
            const versions = value.versions.map((version) => {
              const context = contextOf(id, version.version);
              const dataKey = unseal(key, context, base64(version.wrapped));
              if (dataKey === undefined) throw vaultError('VAULT_RECORD_DAMAGED', { path: id });
              return { ...version, wrapped: seal(newKey, nonce(), context, dataKey).toString('base64') };
            });
            await transaction.put(COLLECTION, id, { versions });
          }
          after = page.at(-1)?.id;
          if (page.length < PAGE) break;
        }
        const wrapped = seal(newKey, nonce(), CHECK_CONTEXT, wrapping).toString('base64');
        await transaction.put(CHECK.collection, CHECK.id, { wrapped });
      });
      key = Buffer.from(newKey);
    },
    wrap: (context, dataKey) => seal(wrapping, nonce(), context, dataKey),
    unwrap: (context, wrapped) => unseal(wrapping, context, wrapped),
  };
}
