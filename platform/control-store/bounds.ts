/** Bounds that hold for every control store, checked before anything reaches the database. */
import type { JsonObject, ListOptions } from './control-store.ts';
import { controlStoreError } from './errors.ts';

export const BOUNDS = {
  collectionCharsMax: 128,
  idBytesMax: 1024,
  valueBytesMax: 1024 * 1024,
  writesPerTransactionMax: 10_000,
  listMax: 10_000,
} as const;

const refuse = (reason: string): never => {
  throw controlStoreError('CONTROL_STORE_INVALID', { reason });
};

export function checkCollection(collection: string): void {
  if (!/^[a-z0-9][a-z0-9._/-]*$/.test(collection) || collection.length > BOUNDS.collectionCharsMax)
    refuse('a collection is named with a-z, 0-9, ".", "_", "/" and "-", at most 128 characters');
}

/** Bytes of an id. Lone surrogates are refused: two ids would become the same bytes. */
export function idBytes(id: string): Buffer {
  if (!id.isWellFormed()) refuse('an id is not well-formed Unicode');
  const bytes = Buffer.from(id);
  if (bytes.length === 0 || bytes.length > BOUNDS.idBytesMax) refuse('an id has 1 to 1,024 bytes');
  return bytes;
}

export function valueText(value: JsonObject): string {
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) > BOUNDS.valueBytesMax) refuse('a value has at most 1 MiB of JSON');
  return text;
}

export function checkPublished(topic: string, key: string, value: Uint8Array | null): void {
  if (topic.length === 0 || topic.length > 249) refuse('a topic has 1 to 249 characters');
  if (Buffer.byteLength(key) > BOUNDS.idBytesMax) refuse('a key has at most 1,024 bytes');
  if (value !== null && value.length > BOUNDS.valueBytesMax) refuse('a record has at most 1 MiB');
}

export function checkList(options: ListOptions): void {
  if (!Number.isInteger(options.limit) || options.limit < 1 || options.limit > BOUNDS.listMax)
    refuse('a list has a limit of 1 to 10,000');
}

/** First byte string after all that start with `prefix`; undefined where there is none. */
export function prefixEnd(prefix: Buffer): Buffer | undefined {
  for (let length = prefix.length; length > 0; length -= 1) {
    const last = prefix.readUInt8(length - 1);
    if (last === 0xff) continue;
    const end = Buffer.from(prefix.subarray(0, length));
    end.writeUInt8(last + 1, length - 1);
    return end;
  }
  return undefined;
}
