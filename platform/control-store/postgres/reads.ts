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

interface Asked {
  readonly collection: string;
  readonly id: string;
  readonly resolve: (read: Read<StoredEntry | undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const BATCH_MAX = 1000;

export function createReads(
  statements: Pick<Statements, 'one' | 'many' | 'list'>,
  run: (statement: Statements['one'], values: readonly unknown[]) => Promise<Row[]>,
): Reads {
  let batch: Asked[] = [];

  const send = async (asked: readonly Asked[]): Promise<void> => {
    const ids = asked.map(({ id }) => Buffer.from(id));
    const rows =
      asked.length === 1
        ? await run(statements.one, [asked[0]!.collection, ids[0]])
        : await run(statements.many, [asked.map(({ collection }) => collection), ids]);
    asked.forEach(({ id, resolve }, index) => {
      const [last, text, revision] = rows[index]!;
      const value = text === null ? undefined : { id, text: text as string, revision: Number(revision) };
      resolve({ value, last: Number(last) });
    });
  };
  const flush = (): void => {
    const asked = batch;
    batch = [];
    if (asked.length > 0)
      send(asked).catch((error: unknown) => {
        for (const { reject } of asked) reject(error);
      });
  };

  return {
    get: (collection, id) =>
      new Promise((resolve, reject) => {
        if (batch.length === 0) queueMicrotask(flush);
        batch.push({ collection, id, resolve, reject });
        if (batch.length === BATCH_MAX) flush();
      }),
    async list(collection, options) {
      const prefix = Buffer.from(options.prefix ?? '');
      const rows = await run(statements.list, [
        collection,
        prefix,
        Buffer.from(options.after ?? ''),
        prefixEnd(prefix) ?? null,
        options.limit,
      ]);
      const value = rows
        .filter(([, id]) => id !== null)
        .map(([, id, text, revision]) => ({
          id: (id as Buffer).toString(),
          text: text as string,
          revision: Number(revision),
        }));
      return { value, last: Number(rows[0]?.[0] ?? 0) };
    },
  };
}
