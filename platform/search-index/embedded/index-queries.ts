import { invalid, type Selection } from '../bounds.ts';
import type { AggregateQuery, Bucket, IndexDocument, SearchPage, SearchQuery } from '../search-index.ts';
import type { IndexDatabase } from './index-database.ts';
import { selectionSql, type SelectionSql, type SqlValue } from './selection-sql.ts';

interface HitRow {
  document: number;
  id: string;
  time: number;
  body: string;
}

type Cursor = readonly [index: string, order: string, time: number, document: number];

/** A cursor names the last hit, so that documents that come or go elsewhere move nothing. */
const writeCursor = (cursor: Cursor): string => Buffer.from(JSON.stringify(cursor)).toString('base64url');

function readCursor(text: string, index: string, order: string): { time: number; document: number } {
  try {
    const [cursorIndex, cursorOrder, time, document] = JSON.parse(
      Buffer.from(text, 'base64url').toString(),
    ) as unknown as Cursor;
    if (
      cursorIndex === index &&
      cursorOrder === order &&
      Number.isSafeInteger(time) &&
      Number.isSafeInteger(document)
    )
      return { time, document };
  } catch {
    // Falls through: whatever it is, it is no cursor of this query.
  }
  throw invalid('after is no cursor of this query');
}

const valuesOf = ({ from, where }: SelectionSql): SqlValue[] => [...from.values, ...where.values];

export function createIndexQueries(database: IndexDatabase) {
  const select = (query: Selection, few = false): SelectionSql | undefined => {
    const ind = database.indexNumber(query.index, false);
    return ind === undefined ? undefined : selectionSql(database, ind, query, few);
  };

  const search = (query: SearchQuery): SearchPage => {
    const order = query.order ?? 'newest';
    const cursor = query.after === undefined ? undefined : readCursor(query.after, query.index, order);
    const sql = select(query, true);
    if (sql === undefined) return { hits: [] };
    const direction = order === 'newest' ? 'desc' : 'asc';
    const compare = order === 'newest' ? '<' : '>';
    const rows = database
      .prepare(
        `select d.document, d.id, d.time, json(d.body) body from ${sql.from.sql} where ${sql.where.sql}
         ${cursor === undefined ? '' : `and (${sql.time}, ${sql.document}) ${compare} (?, ?)`}
         order by ${sql.time} ${direction}, ${sql.document} ${direction} limit ?`,
      )
      .all(
        ...valuesOf(sql),
        ...(cursor === undefined ? [] : [cursor.time, cursor.document]),
        query.limit + 1,
      ) as unknown as HitRow[];
    const page = rows.slice(0, query.limit);
    const hits = page.map(({ id, body }) => ({ id, document: JSON.parse(body) as IndexDocument }));
    const last = page.at(-1);
    if (rows.length <= query.limit || last === undefined) return { hits };
    return { hits, next: writeCursor([query.index, order, last.time, last.document]) };
  };

  const count = (query: Selection): number => {
    const sql = select(query);
    if (sql === undefined) return 0;
    const row = database
      .prepare(`select count(*) n from ${sql.from.sql} where ${sql.where.sql}`)
      .get(...valuesOf(sql));
    return (row as { n: number }).n;
  };

  const aggregate = (query: AggregateQuery): Bucket[] => {
    const sql = select(query);
    if (sql === undefined) return [];
    const fields = query.sum ?? [];
    const sums = fields.map(
      (_, n) =>
        `, coalesce(max(case when json_type(d.body, ?) in ('integer', 'real') then d.body ->> ? end), 0) s${n}`,
    );
    const sumValues = fields.flatMap((field) => [`$."${field}"`, `$."${field}"`]);
    const byField = 'field' in query.by;
    const key = 'field' in query.by ? 'k.value' : 'd.time - (((d.time % ?) + ?) % ?)';
    // Inside, one row per document and value: twice the same value in one list counts once.
    const source = 'field' in query.by ? `${sql.from.sql} cross join json_each(d.body, ?) k` : sql.from.sql;
    const interval =
      'field' in query.by ? [] : [query.by.intervalMs, query.by.intervalMs, query.by.intervalMs];
    const fieldPath = 'field' in query.by ? [`$."${query.by.field}"`] : [];
    const rows = database
      .prepare(
        `select key, count(*) n ${fields.map((_, n) => `, sum(s${n}) s${n}`).join('')} from (
           select ${key} key ${sums.join('')} from ${source}
           where ${sql.where.sql} ${byField ? "and k.type in ('text', 'integer', 'real')" : ''}
           group by d.document, 1)
         group by key order by ${byField ? 'n desc, key' : 'key desc'} limit ?`,
      )
      .all(...interval, ...sumValues, ...sql.from.values, ...fieldPath, ...sql.where.values, query.limit);
    return rows.map((row) => ({
      key: row['key'] as string | number,
      count: row['n'] as number,
      sums: Object.fromEntries(fields.map((field, n) => [field, row[`s${n}`] as number])),
    }));
  };

  return {
    search,
    count,
    aggregate,
    get(index: string, id: string): IndexDocument | undefined {
      const ind = database.indexNumber(index, false);
      if (ind === undefined) return undefined;
      const row = database
        .prepare('select json(body) body from documents where ind = ? and id = ?')
        .get(ind, id);
      return row === undefined ? undefined : (JSON.parse(row['body'] as string) as IndexDocument);
    },
  };
}
