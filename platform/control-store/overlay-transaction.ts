/**
 * A transaction as an overlay: reads go to the committed state, writes stay in memory until the commit, which fails when
 * another transaction has committed in between (optimistic, hence serialisable). A transaction whose work hangs therefore
 * holds no lock in the database.
 */
import { BOUNDS, checkCollection, checkList, checkPublished, idBytes, valueText } from './bounds.ts';
import type { ControlEntry, ControlTransaction, JsonObject, ListOptions } from './control-store.ts';
import { controlStoreError } from './errors.ts';

export interface StoredEntry {
  readonly id: string;
  readonly text: string;
  readonly revision: number;
}

/** One change; `text` null deletes. */
export interface StoredWrite {
  readonly collection: string;
  readonly id: string;
  readonly text: string | null;
}

export interface PublishedRecord {
  readonly topic: string;
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** Reads of the committed state. */
export interface CommittedReads {
  get(collection: string, id: string): Promise<StoredEntry | undefined>;
  list(collection: string, options: ListOptions): Promise<StoredEntry[]>;
}

export interface OverlayTransaction extends ControlTransaction {
  readonly writes: readonly StoredWrite[];
  readonly published: readonly PublishedRecord[];
  /** Every later use is refused. */
  end(): void;
}

export function parseEntry<T extends JsonObject>(entry: StoredEntry): ControlEntry<T> {
  return { id: entry.id, value: JSON.parse(entry.text) as T, revision: entry.revision };
}

const byId = (a: StoredEntry, b: StoredEntry): number => Buffer.compare(Buffer.from(a.id), Buffer.from(b.id));

const isListed = (id: string, options: ListOptions): boolean =>
  id.startsWith(options.prefix ?? '') &&
  (options.after === undefined || Buffer.compare(Buffer.from(id), Buffer.from(options.after)) > 0);

/** `revision` is asked only when the work, or an entry of its own that it reads again, needs it. */
export function createOverlayTransaction(reads: CommittedReads, revision: () => number): OverlayTransaction {
  const overlay = new Map<string, Map<string, string | null>>();
  const published: PublishedRecord[] = [];
  let size = 0;
  let ended = false;

  const use = (): void => {
    if (ended) throw controlStoreError('CONTROL_STORE_TRANSACTION_ENDED');
  };
  const grow = (): void => {
    size += 1;
    if (size > BOUNDS.writesPerTransactionMax)
      throw controlStoreError('CONTROL_STORE_INVALID', { reason: 'a transaction has at most 10,000 writes' });
  };
  const write = (collection: string, id: string, text: string | null): void => {
    use();
    checkCollection(collection);
    idBytes(id);
    grow();
    let changes = overlay.get(collection);
    if (changes === undefined) overlay.set(collection, (changes = new Map()));
    changes.set(id, text);
  };

  const list = async (collection: string, options: ListOptions): Promise<StoredEntry[]> => {
    const changes = overlay.get(collection);
    if (changes === undefined) return reads.list(collection, options);
    // As many more as could be hidden by this transaction's own deletions.
    const limit = Math.min(BOUNDS.listMax * 2, options.limit + changes.size);
    const committed = await reads.list(collection, { ...options, limit });
    use();
    const merged = committed.filter((entry) => !changes.has(entry.id));
    for (const [id, text] of changes) {
      if (text !== null && isListed(id, options)) merged.push({ id, text, revision: revision() });
    }
    return merged.sort(byId).slice(0, options.limit);
  };

  return {
    get revision() {
      return revision();
    },
    async get(collection, id) {
      use();
      checkCollection(collection);
      idBytes(id);
      const text = overlay.get(collection)?.get(id);
      if (text === null) return undefined;
      if (text !== undefined)
        return {
          id,
          value: JSON.parse(text) as never,
          // Asked for only where it is used: a transaction that knows its revision must be the very next one.
          get revision() {
            use();
            return revision();
          },
        };
      const entry = await reads.get(collection, id);
      use();
      return entry === undefined ? undefined : parseEntry(entry);
    },
    async list<T extends JsonObject>(collection: string, options: ListOptions) {
      use();
      checkCollection(collection);
      checkList(options);
      return (await list(collection, options)).map((entry) => parseEntry<T>(entry));
    },
    async put(collection, id, value) {
      write(collection, id, valueText(value));
    },
    async delete(collection, id) {
      write(collection, id, null);
    },
    async publish(topic, key, value) {
      use();
      checkPublished(topic, key, value);
      grow();
      published.push({ topic, key, value: value === null ? null : Uint8Array.from(value) });
    },
    get writes() {
      return [...overlay].flatMap(([collection, changes]) =>
        [...changes].map(([id, text]) => ({ collection, id, text })),
      );
    },
    published,
    end() {
      ended = true;
    },
  };
}
