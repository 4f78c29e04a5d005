/**
 * A selection as SQL. SQLite's planner knows nothing of how many documents a value has, so the plan is chosen here: count
 * (bounded) what each exact match and the text would yield, and start from the smallest.
 */
import { textWords, type Selection } from '../bounds.ts';
import type { Filter } from '../search-index.ts';
import type { IndexDatabase } from './index-database.ts';

export type SqlValue = string | number;

export interface Condition {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

export interface SelectionSql {
  /** FROM clause, in the order to be read; documents are `d`. */
  readonly from: Condition;
  readonly where: Condition;
  /** Columns to order by, so that no sort is needed where the start gives the order. */
  readonly time: string;
  readonly document: string;
}

/** Beyond this an exact match or a text is taken as frequent. */
const COUNTED_MAX = 2000;

const path = (field: string): string => `$."${field}"`;
const all = (conditions: readonly Condition[], word: 'and' | 'or'): Condition => ({
  sql: conditions.map(({ sql }) => `(${sql})`).join(` ${word} `),
  values: conditions.flatMap(({ values }) => values),
});
/** True where some value of the field, itself or in its list, meets the condition on e.value and e.type. */
const some = (field: string, sql: string, values: readonly SqlValue[]): Condition => ({
  sql: `exists (select 1 from json_each(d.body, ?) e where ${sql})`,
  values: [path(field), ...values],
});
const NUMERIC = "e.type in ('integer', 'real')";

function valueCondition(value: string | number | boolean): Condition {
  if (typeof value === 'boolean') return { sql: 'e.type = ?', values: [String(value)] };
  if (typeof value === 'number') return { sql: `${NUMERIC} and e.value = ?`, values: [value] };
  return { sql: "e.type = 'text' and e.value = ?", values: [value] };
}

/** Values of one type in one condition, so that 1,000 of them do not nest SQLite's parser too deep. */
function inCondition(field: string, values: readonly (string | number)[]): Condition {
  const strings = values.filter((value) => typeof value === 'string');
  const numbers = values.filter((value) => typeof value === 'number');
  return some(
    field,
    `(e.type = 'text' and e.value in (select value from json_each(?)))
     or (${NUMERIC} and e.value in (select value from json_each(?)))`,
    [JSON.stringify(strings), JSON.stringify(numbers)],
  );
}

function rangeCondition(field: string, from: number | undefined, to: number | undefined): Condition {
  const parts = [
    ...(from === undefined ? [] : [{ sql: 'e.value >= ?', values: [from] }]),
    ...(to === undefined ? [] : [{ sql: 'e.value < ?', values: [to] }]),
  ];
  const { sql, values } = all(parts, 'and');
  return some(field, `${NUMERIC} and ${sql}`, values);
}

function filterCondition(filter: Filter): Condition {
  if ('not' in filter) {
    const { sql, values } = filterCondition(filter.not);
    return { sql: `not (${sql})`, values };
  }
  if ('any' in filter) {
    return filter.any.length === 0 ? { sql: '0', values: [] } : all(filter.any.map(filterCondition), 'or');
  }
  const { field } = filter;
  if ('is' in filter) {
    const { sql, values } = valueCondition(filter.is);
    return some(field, sql, values);
  }
  if ('in' in filter) return inCondition(field, filter.in);
  if ('startsWith' in filter) {
    return some(field, "e.type = 'text' and substr(e.value, 1, length(?)) = ?", [
      filter.startsWith,
      filter.startsWith,
    ]);
  }
  if ('exists' in filter) {
    const { sql, values } = some(field, "e.type <> 'null'", []);
    return { sql: filter.exists ? sql : `not ${sql}`, values };
  }
  return rangeCondition(field, filter.from, filter.to);
}

/** Each word in double quotes, which FTS5 takes as a string: nothing in it is syntax. */
const ftsQuery = (text: string): string =>
  textWords(text)
    .map((word) => `"${word.replaceAll('"', '""')}"`)
    .join(' ');

function times(column: string, query: Selection): Condition {
  return {
    sql: `${query.from === undefined ? '' : `and ${column} >= ?`} ${query.to === undefined ? '' : `and ${column} < ?`}`,
    values: [query.from, query.to].filter((bound) => bound !== undefined),
  };
}

interface Start {
  readonly filter: Filter | undefined;
  readonly count: number;
  readonly sql: SelectionSql['from'];
  readonly ordered: boolean;
}

function exactStarts(database: IndexDatabase, ind: number, query: Selection): Start[] {
  return (query.filters ?? []).flatMap((filter): Start[] => {
    if (!('field' in filter)) return [];
    const field = database.lookupFields.get(filter.field);
    if (field === undefined) return [];
    const bounds = times('l.time', query);
    if ('is' in filter && typeof filter.is !== 'boolean') {
      const values = [field, filter.is, ind, ...bounds.values];
      const from = `lookups l where l.field = ? and l.value = ? and l.ind = ? ${bounds.sql}`;
      const count = countUpTo(database, from, values);
      return [
        { filter, count, sql: { sql: `(select l.time, l.document from ${from})`, values }, ordered: true },
      ];
    }
    if ('in' in filter) {
      const values = [field, JSON.stringify(filter.in), ind, ...bounds.values];
      const from = `lookups l where l.field = ? and l.value in (select value from json_each(?)) and l.ind = ? ${bounds.sql}`;
      const count = countUpTo(database, from, values);
      const sql = { sql: `(select distinct l.time, l.document from ${from})`, values };
      return count < COUNTED_MAX ? [{ filter, count, sql, ordered: false }] : [];
    }
    return [];
  });
}

function countUpTo(database: IndexDatabase, from: string, values: readonly SqlValue[]): number {
  const statement = database.prepare(`select count(*) n from (select 1 from ${from} limit ${COUNTED_MAX})`);
  return (statement.get(...values) as { n: number }).n;
}

function textStart(database: IndexDatabase, text: string): Start | undefined {
  const match = ftsQuery(text);
  const count = countUpTo(database, 'texts where texts match ?', [match]);
  if (count >= COUNTED_MAX) return undefined;
  const sql = {
    sql: '(select x.time, x.document from (select rowid r from texts where texts match ?) t cross join documents x on x.document = t.r)',
    values: [match],
  };
  return { filter: undefined, count, sql, ordered: false };
}

/** `few`: only the first hits are wanted; a text that many documents have is then looked for in each as it comes. */
export function selectionSql(
  database: IndexDatabase,
  ind: number,
  query: Selection,
  few: boolean,
): SelectionSql {
  const starts = exactStarts(database, ind, query);
  const text = query.text === undefined ? undefined : textStart(database, query.text);
  if (text !== undefined) starts.push(text);
  // With a tie, the start that needs no sort.
  const start = starts.toSorted((a, b) => a.count - b.count || Number(b.ordered) - Number(a.ordered))[0];

  const conditions: Condition[] = [{ sql: `d.ind = ?`, values: [ind] }];
  const bounds = times('d.time', query);
  conditions.push({ sql: `1 ${bounds.sql}`, values: bounds.values });
  for (const filter of query.filters ?? [])
    if (filter !== start?.filter) conditions.push(filterCondition(filter));
  if (query.text !== undefined && (text === undefined || start !== text)) {
    conditions.push({
      // As a join, FTS5 would take two hundred times as long.
      sql: few
        ? 'exists (select 1 from texts where texts match ? and rowid = d.document)'
        : 'd.document in (select rowid from texts where texts match ?)',
      values: [ftsQuery(query.text)],
    });
  }
  const where = all(conditions, 'and');
  if (start === undefined) {
    return {
      from: { sql: 'documents d indexed by documents_by_time', values: [] },
      where,
      time: 'd.time',
      document: 'd.document',
    };
  }
  return {
    from: {
      sql: `${start.sql.sql} s cross join documents d on d.document = s.document`,
      values: start.sql.values,
    },
    where,
    time: 's.time',
    document: 's.document',
  };
}
