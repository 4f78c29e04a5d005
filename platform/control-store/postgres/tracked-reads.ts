/** What a transaction has read, so that its commit can ask whether all of it is still so. */
import type { CommittedReads, StoredEntry } from '../overlay-transaction.ts';
import type { Reads } from './reads.ts';

/** Arrays as the functions of the layout take them. */
export type Seen = readonly [
  entryCollections: string[],
  entryIds: Buffer[],
  entryRevisions: number[],
  listCollections: string[],
  listRevisions: number[],
];

export interface TrackedReads extends CommittedReads {
  seen(): Seen;
  /** Statements so far: one alone is consistent in itself. */
  count(): number;
}

export function createTrackedReads(reads: Reads): TrackedReads {
  const entries = new Map<
    string,
    { collection: string; id: string; read: Promise<StoredEntry | undefined> }
  >();
  const revisions = new Map<string, number>();
  /** The earliest look at each collection is the one to check: what changed since then changed for all of them. */
  const lists = new Map<string, number>();
  const listed = new Map<string, Promise<StoredEntry[]>>();
  return {
    get(collection, id) {
      const key = `${collection} ${id}`;
      const known = entries.get(key);
      // The same answer within one transaction, at no cost.
      if (known !== undefined) return known.read;
      const read = reads.get(collection, id).then(({ value }) => {
        revisions.set(key, value?.revision ?? 0);
        return value;
      });
      entries.set(key, { collection, id, read });
      return read;
    },
    list(collection, options) {
      const key = JSON.stringify([collection, options.prefix, options.after, options.limit]);
      const known = listed.get(key);
      if (known !== undefined) return known;
      const read = reads.list(collection, options).then(({ value, last }) => {
        lists.set(collection, Math.min(last, lists.get(collection) ?? last));
        return value;
      });
      listed.set(key, read);
      return read;
    },
    seen() {
      const known = [...entries].filter(([key]) => revisions.has(key));
      return [
        known.map(([, { collection }]) => collection),
        known.map(([, { id }]) => Buffer.from(id)),
        known.map(([key]) => revisions.get(key)!),
        [...lists.keys()],
        [...lists.values()],
      ];
    },
    count: () => entries.size + listed.size,
  };
}
