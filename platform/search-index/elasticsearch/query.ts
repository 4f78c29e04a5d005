/** A selection of the port in Elasticsearch's query language. */
import { textWords, type Selection } from '../bounds.ts';
import type { Filter } from '../search-index.ts';
import { ALL_TEXT, fits, TERMS, typeOf } from './document-form.ts';
import { toSortable } from './numbers.ts';

export type Query = Readonly<Record<string, unknown>>;

const NOTHING: Query = { match_none: {} };
const any = (queries: readonly Query[]): Query =>
  queries.length === 0
    ? NOTHING
    : queries.length === 1
      ? queries[0]!
      : { bool: { should: queries, minimum_should_match: 1 } };

/** The field that holds the values of a field exactly; undefined where it has none. */
export function exactField(field: string): string | undefined {
  const type = typeOf(field);
  if (type === undefined || type === 'stored') return undefined;
  return type === 'text' || type === 'ip' ? `${field}.keyword` : field;
}

/** The field where sums and numeric ranges look. */
export function numericField(field: string): string | undefined {
  const type = typeOf(field);
  return type !== undefined && ['long', 'float', 'double', 'date'].includes(type) ? field : undefined;
}

type Value = string | number | boolean;

function takes(field: string, value: Value): boolean {
  const type = typeOf(field);
  // An address is looked for as it is written.
  if (type === 'ip') return typeof value === 'string';
  return type !== undefined && fits(type, value);
}

function term(field: string, value: Value): string {
  if (typeof value === 'string') return `${field}=s:${value}`;
  return typeof value === 'number' ? `${field}=n:${toSortable(value)}` : `${field}=b:${value}`;
}

function valuesQuery(field: string, values: readonly Value[]): Query {
  const exact = exactField(field);
  const known = exact === undefined ? [] : values.filter((value) => takes(field, value));
  return any([
    ...(known.length === 0 ? [] : [{ terms: { [exact!]: known } }]),
    ...(values.length === 0 ? [] : [{ terms: { [TERMS]: values.map((value) => term(field, value)) } }]),
  ]);
}

/** Integer fields hold safe integers only, and the server takes no bound beyond its own integers. */
const SAFE = 2 ** 53;
const integerBound = (bound: number): number => Math.max(-SAFE, Math.min(SAFE, Math.ceil(bound)));

export function numericRange(field: string, from: number | undefined, to: number | undefined): Query {
  const type = typeOf(field);
  const bound = type === 'long' || type === 'date' ? integerBound : (value: number): number => value;
  return {
    range: {
      [field]: {
        ...(from === undefined ? {} : { gte: bound(from) }),
        ...(to === undefined ? {} : { lt: bound(to) }),
        ...(type === 'date' ? { format: 'epoch_millis' } : {}),
      },
    },
  };
}

function rangeQuery(field: string, from: number | undefined, to: number | undefined): Query {
  const numeric = numericField(field);
  const gte = `${field}=n:${from === undefined ? '' : toSortable(from)}`;
  // ';' is what comes after ':'.
  const lt = to === undefined ? `${field}=n;` : `${field}=n:${toSortable(to)}`;
  return any([
    ...(numeric === undefined ? [] : [numericRange(numeric, from, to)]),
    { range: { [TERMS]: { gte, lt } } },
  ]);
}

function existsQuery(field: string): Query {
  const type = typeOf(field);
  return any([
    ...(type === undefined || type === 'stored' ? [] : [{ exists: { field } }]),
    { prefix: { [TERMS]: `${field}=` } },
  ]);
}

const not = (query: Query): Query => ({ bool: { must_not: [query] } });

function filterQuery(filter: Filter): Query {
  if ('not' in filter) return not(filterQuery(filter.not));
  if ('any' in filter) return any(filter.any.map(filterQuery));
  const { field } = filter;
  if ('is' in filter) return valuesQuery(field, [filter.is]);
  if ('in' in filter) return valuesQuery(field, filter.in);
  if ('startsWith' in filter) {
    const exact = takes(field, filter.startsWith) ? exactField(field) : undefined;
    return any([
      ...(exact === undefined ? [] : [{ prefix: { [exact]: filter.startsWith } }]),
      { prefix: { [TERMS]: `${field}=s:${filter.startsWith}` } },
    ]);
  }
  if ('exists' in filter) return filter.exists ? existsQuery(field) : not(existsQuery(field));
  return rangeQuery(field, filter.from, filter.to);
}

export function selectionQuery({ filters = [], text, from, to }: Selection): Query {
  const all = filters.map(filterQuery);
  if (from !== undefined || to !== undefined) all.push(numericRange('@timestamp', from, to));
  // What stands between blanks is a phrase, of one word as a rule: "public.users" is found where both follow each other.
  if (text !== undefined)
    all.push(...textWords(text).map((word) => ({ match_phrase: { [ALL_TEXT]: word } })));
  return all.length === 0 ? { match_all: {} } : { bool: { filter: all } };
}
