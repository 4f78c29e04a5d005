/** Reads of the committed state: those asked for in one turn go in one statement, since a round trip costs more than a row. */
import { prefixEnd } from '../bounds.ts';
import type { ListOptions } from '../control-store.ts';
import type { StoredEntry } from '../overlay-transaction.ts';
import type { Row } from './statement.ts';
import type { Statements } from './statements.ts';

/** An answer, and the last revision when it was given. */
export interface Read<T> {
  readonly value: T;
  readonly last: number;
}

export interface Reads {
  get(collection: string, id: string): Promise<Read<StoredEntry | undefined>>;
  list(collection: string, options: ListOptions): Promise<Read<StoredEntry[]>>;
}

interface Waiting<T> {
  readonly resolve: (read: Read<T>) => void;
  readonly reject: (error: unknown) => void;
}
interface AskedEntry extends Waiting<StoredEntry | undefined> {
  readonly collection: string;
  readonly id: string;
}
interface AskedList extends Waiting<StoredEntry[]> {
  readonly collection: string;
  /** First id, last one before, first one behind, how many: as the statements take them. */
  readonly range: readonly [first: Buffer, after: Buffer, before: Buffer, limit: number];
}

const BATCH_MAX = 1000;
/** Behind every id: this byte is in no UTF-8. A bound, unlike none, lets the index say where to stop under every plan. */
const BEHIND_ALL = Buffer.of(0xff);

const entryOf = (id: string, text: unknown, revision: unknown): StoredEntry => ({
  id,
  text: text as string,
  revision: Number(revision),
});
const isThere = ([, , id]: Row): boolean => id !== null;
const pageOf = (rows: readonly Row[]): StoredEntry[] =>
  rows.filter(isThere).map(([, , id, text, revision]) => entryOf((id as Buffer).toString(), text, revision));

export function createReads(
  statements: Pick<Statements, 'one' | 'many' | 'list' | 'mixed'>,
  run: (statement: Statements['one'], values: readonly unknown[]) => Promise<Row[]>,
): Reads {
  let entries: AskedEntry[] = [];
  let lists: AskedList[] = [];

  const sendEntries = async (asked: readonly AskedEntry[]): Promise<void> => {
    const ids = asked.map(({ id }) => Buffer.from(id));
    const rows =
      asked.length === 1
        ? await run(statements.one, [asked[0]!.collection, ids[0]])
        : await run(statements.many, [asked.map(({ collection }) => collection), ids]);
    asked.forEach(({ id, resolve }, index) => {
      const [last, text, revision] = rows[index]!;
      resolve({ value: text === null ? undefined : entryOf(id, text, revision), last: Number(last) });
    });
  };
  const sendList = async ({ collection, range, resolve }: AskedList): Promise<void> => {
    const rows = await run(statements.list, [collection, ...range]);
    const value = pageOf(rows.map(([last, ...row]) => [last, 0, ...row]));
    resolve({ value, last: Number(rows[0]?.[0] ?? 0) });
  };
  const sendMixed = async (
    askedEntries: readonly AskedEntry[],
    askedLists: readonly AskedList[],
  ): Promise<void> => {
    const rows = await run(statements.mixed, [
      askedEntries.map(({ collection }) => collection),
      askedEntries.map(({ id }) => Buffer.from(id)),
      askedLists.map(({ collection }) => collection),
      ...[0, 1, 2, 3].map((at) => askedLists.map(({ range }) => range[at])),
    ]);
    const last = Number(rows[0]?.[0] ?? 0);
    // Lists count downwards from -1.
    const places = Map.groupBy(rows, ([, place]) => Number(place));
    askedEntries.forEach(({ id, resolve }, index) => {
      const [, , , text, revision] = places.get(index + 1)![0]!;
      resolve({ value: text === null ? undefined : entryOf(id, text, revision), last });
    });
    askedLists.forEach(({ resolve }, index) =>
      resolve({ value: pageOf(places.get(-index - 1) ?? []), last }),
    );
  };
  const flush = (): void => {
    const askedEntries = entries;
    const askedLists = lists;
    entries = [];
    lists = [];
    if (askedEntries.length + askedLists.length === 0) return;
    const sent =
      askedLists.length === 0
        ? sendEntries(askedEntries)
        : askedLists.length === 1 && askedEntries.length === 0
          ? sendList(askedLists[0]!)
          : sendMixed(askedEntries, askedLists);
    sent.catch((error: unknown) => {
      for (const { reject } of [...askedEntries, ...askedLists]) reject(error);
    });
  };
  const add = (put: () => void): void => {
    if (entries.length + lists.length === 0) queueMicrotask(flush);
    put();
    if (entries.length + lists.length === BATCH_MAX) flush();
  };

  return {
    get: (collection, id) =>
      new Promise((resolve, reject) => {
        add(() => void entries.push({ collection, id, resolve, reject }));
      }),
    list: (collection, options) =>
      new Promise((resolve, reject) => {
        const first = Buffer.from(options.prefix ?? '');
        const range = [
          first,
          Buffer.from(options.after ?? ''),
          prefixEnd(first) ?? BEHIND_ALL,
          options.limit,
        ] as const;
        add(() => void lists.push({ collection, range, resolve, reject }));
      }),
  };
}
