/** Bounds of queries and documents that hold for every search index. */
import { searchIndexError } from './errors.ts';
import type { AggregateQuery, Filter, IndexDocument, SearchQuery } from './search-index.ts';

export const BOUNDS = {
  filtersMax: 100,
  filterDepthMax: 5,
  inValuesMax: 1000,
  valueBytesMax: 8192,
  textCharsMax: 1000,
  textWordsMax: 32,
  pageMax: 1000,
  bucketsMax: 1000,
  sumsMax: 10,
  cursorCharsMax: 1000,
  idBytesMax: 512,
  documentBytesMax: 1024 * 1024,
  documentFieldsMax: 500,
} as const;

const INDEX_NAME = /^[a-z0-9][a-z0-9_-]{0,99}$/;
const FIELD_NAME = /^[A-Za-z@_][A-Za-z0-9@_.-]{0,199}$/;

export function invalid(reason: string): Error {
  return searchIndexError('SEARCH_QUERY_INVALID', { reason });
}

export function checkIndex(index: string): void {
  if (!INDEX_NAME.test(index))
    throw invalid('an index is named with a-z, 0-9, "_" and "-", at most 100 characters');
}

export function checkField(field: string): void {
  if (!FIELD_NAME.test(field))
    throw invalid('a field is named with letters, digits, ".", "_", "-" and "@", at most 200 characters');
}

function checkValue(value: string | number | boolean): void {
  if (typeof value === 'string' && Buffer.byteLength(value) > BOUNDS.valueBytesMax)
    throw invalid('a value has at most 8 KiB');
  if (typeof value === 'number' && !Number.isFinite(value)) throw invalid('a number is finite');
}

function checkFilter(filter: Filter, depth: number): number {
  if (depth > BOUNDS.filterDepthMax) throw invalid('filters nest at most 5 deep');
  if ('not' in filter) return 1 + checkFilter(filter.not, depth + 1);
  if ('any' in filter) {
    return filter.any.reduce((sum, inner) => sum + checkFilter(inner, depth + 1), 1);
  }
  checkField(filter.field);
  if ('is' in filter) checkValue(filter.is);
  else if ('in' in filter) {
    if (filter.in.length > BOUNDS.inValuesMax) throw invalid('a filter lists at most 1,000 values');
    filter.in.forEach(checkValue);
  } else if ('startsWith' in filter) checkValue(filter.startsWith);
  else if (!('exists' in filter)) {
    for (const bound of [filter.from, filter.to]) if (bound !== undefined) checkValue(bound);
    if (filter.from === undefined && filter.to === undefined) throw invalid('a range has a start or an end');
  }
  return 1;
}

/** Words of a text query. Syntax of any search engine has no meaning in them: they are only words. */
export function textWords(text: string): string[] {
  if (text.length > BOUNDS.textCharsMax) throw invalid('a text has at most 1,000 characters');
  const words = text
    .toWellFormed()
    .split(/[\s\p{Cc}]+/u)
    .filter((word) => /[\p{L}\p{N}]/u.test(word));
  if (words.length === 0) throw invalid('a text has at least one word');
  if (words.length > BOUNDS.textWordsMax) throw invalid('a text has at most 32 words');
  return words;
}

function checkLimit(limit: number, max: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > max)
    throw invalid(`limit is an integer from 1 to ${max.toLocaleString('en')}`);
}

export type Selection = Pick<SearchQuery, 'index' | 'filters' | 'text' | 'from' | 'to'>;

export function checkSelection(query: Selection): void {
  checkIndex(query.index);
  for (const bound of [query.from, query.to]) if (bound !== undefined) checkValue(bound);
  const count = (query.filters ?? []).reduce((sum, filter) => sum + checkFilter(filter, 1), 0);
  if (count > BOUNDS.filtersMax) throw invalid('a query has at most 100 filters');
  if (query.text !== undefined) textWords(query.text);
}

export function checkSearch(query: SearchQuery): void {
  checkSelection(query);
  checkLimit(query.limit, BOUNDS.pageMax);
  if (query.after !== undefined && query.after.length > BOUNDS.cursorCharsMax)
    throw invalid('after is no cursor');
}

export function checkAggregate(query: AggregateQuery): void {
  checkSelection(query);
  checkLimit(query.limit, BOUNDS.bucketsMax);
  if ('field' in query.by) checkField(query.by.field);
  else if (!Number.isInteger(query.by.intervalMs) || query.by.intervalMs < 1)
    throw invalid('intervalMs is a positive integer');
  const sums = query.sum ?? [];
  if (sums.length > BOUNDS.sumsMax) throw invalid('a query has at most 10 sums');
  sums.forEach(checkField);
}

const isScalar = (value: unknown): boolean =>
  value === null ||
  typeof value === 'boolean' ||
  (typeof value === 'string' && value.isWellFormed()) ||
  (typeof value === 'number' && Number.isFinite(value));

/** Why a document can never be written; undefined where it can. `body` is its JSON. */
export function whyRejected(id: string, document: IndexDocument, body: string): string | undefined {
  const idBytes = Buffer.byteLength(id);
  if (idBytes === 0 || idBytes > BOUNDS.idBytesMax) return 'an id has 1 to 512 bytes';
  if (!Number.isSafeInteger(document['@timestamp'])) return '@timestamp is not an integer of milliseconds';
  const values = document as Readonly<Record<string, unknown>>;
  const fields = Object.keys(values);
  if (fields.length > BOUNDS.documentFieldsMax) return 'a document has at most 500 fields';
  for (const field of fields) {
    if (!FIELD_NAME.test(field)) return `a field cannot be named ${JSON.stringify(field.slice(0, 50))}`;
    const value = values[field];
    if (Array.isArray(value) ? !value.every(isScalar) : !isScalar(value))
      return `${field} is neither a string, number or boolean nor a list of them`;
  }
  if (Buffer.byteLength(body) > BOUNDS.documentBytesMax) return 'a document has at most 1 MiB of JSON';
  return undefined;
}
