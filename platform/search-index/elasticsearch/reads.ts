/** Searches: pages by a cursor, counts, aggregations. */
import { invalid } from '../bounds.ts';
import type { AggregateQuery, Bucket, IndexDocument, SearchPage, SearchQuery } from '../search-index.ts';
import { reasonOf, type Answer, type Connection } from './connection.ts';
import { DOCUMENT_ID, fromSource, SCALARS, TERMS, typeOf } from './document-form.ts';
import { fromSortable } from './numbers.ts';
import { exactField, numericField, selectionQuery, type Query } from './query.ts';
import { searchIndexError } from '../errors.ts';
import { readCursor, writeCursor } from './cursor.ts';

interface Hit {
  readonly _id: string;
  readonly _source: IndexDocument;
  readonly sort: readonly [string | number, string | null, string | null];
}

interface TermBucket {
  readonly key: string | number | { readonly time: number };
  readonly doc_count: number;
  readonly [sum: string]: unknown;
}

/** Different values of a number that has no type of its own, which are summed up here. */
const VALUES_MAX = 1000;
const OPTIONS = 'ignore_unavailable=true&allow_no_indices=true';
/** A field's name is letters, digits and `. _ - @`; of these, Lucene's regular expressions know `.` and `@`. */
const escaped = (field: string): string => field.replaceAll(/[.@-]/g, String.raw`\$&`);

export function createReads(connection: Connection, nameOf: (index: string) => string) {
  const ask = async (index: string, action: string, body: object): Promise<Answer['body']> => {
    const path = `/${nameOf(index)}/${action}?${OPTIONS}`;
    const { status, body: answer } = await connection.request('POST', path, body, { allowed: [400, 404] });
    // A query in bounds that the server refuses all the same: too many buckets or clauses for its own settings.
    if (status === 400) throw invalid(`the server refuses it: ${reasonOf(answer, status)}`);
    return status === 404 ? {} : answer;
  };

  const search = async (query: SearchQuery): Promise<SearchPage> => {
    const order = query.order ?? 'newest';
    const cursor = query.after === undefined ? undefined : readCursor(query.after, query.index, order);
    const byId = { order: 'asc', missing: '_last', unmapped_type: 'keyword' };
    const answer = (await ask(query.index, '_search', {
      query: selectionQuery(query),
      size: query.limit + 1,
      // Time alone is not unique; an id is. So a cursor holds over restarts, rollovers and other processes, without a point in time on
      // the server that somebody would have to close.
      sort: [
        {
          '@timestamp': {
            order: order === 'newest' ? 'desc' : 'asc',
            unmapped_type: 'date',
            format: 'epoch_millis',
          },
        },
        { [DOCUMENT_ID]: byId },
        { 'event.id': byId },
      ],
      track_total_hits: false,
      ...(cursor === undefined ? {} : { search_after: cursor }),
    })) as { hits?: { hits: readonly Hit[] } };
    const found = answer.hits?.hits ?? [];
    const page = found.slice(0, query.limit);
    const hits = page.map(({ _id, _source }) => ({ id: _id, document: fromSource(_source) }));
    const last = page.at(-1);
    if (found.length <= query.limit || last === undefined) return { hits };
    return { hits, next: writeCursor(query.index, order, last.sort) };
  };

  const count = async (query: Pick<SearchQuery, 'index'>): Promise<number> => {
    const answer = (await ask(query.index, '_count', { query: selectionQuery(query) })) as { count?: number };
    return answer.count ?? 0;
  };

  const aggregate = async (query: AggregateQuery): Promise<Bucket[]> => {
    const sums = query.sum ?? [];
    const plan = { size: 0, track_total_hits: false, query: selectionQuery(query) };
    const inner = sumAggregations(sums);
    const aggs =
      'field' in query.by
        ? byField(query.by.field, query.limit, inner)
        : byTime(query.by.intervalMs, query.limit, inner);
    const answer = (await ask(query.index, '_search', { ...plan, aggs })) as {
      aggregations?: Readonly<Record<string, { readonly buckets: readonly TermBucket[] }>>;
    };
    const float = 'field' in query.by && typeOf(query.by.field) === 'float';
    const buckets = Object.entries(answer.aggregations ?? {}).flatMap(([name, { buckets: found }]) =>
      found.map((bucket) => ({
        key: keyOf(name, bucket, float),
        count: bucket.doc_count,
        sums: sumsOf(bucket, sums),
      })),
    );
    if (!('field' in query.by)) return buckets;
    return buckets.toSorted((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1)).slice(0, query.limit);
  };

  const get = async (id: string, parts: readonly string[]): Promise<IndexDocument | undefined> => {
    if (parts.length === 0) return undefined;
    const docs = parts.map((part) => ({ _index: part, _id: id }));
    const { body } = await connection.request('POST', '/_mget', { docs });
    const found = (body as { docs: readonly { found?: boolean; _source: IndexDocument }[] }).docs;
    const hit = found.find((document) => document.found === true);
    return hit === undefined ? undefined : fromSource(hit._source);
  };

  return { search, count, aggregate, get };
}

function sumAggregations(fields: readonly string[]): Query {
  return Object.fromEntries(
    fields.flatMap((field, n) => {
      const numeric = numericField(field);
      return [
        ...(numeric === undefined ? [] : [[`sum${n}`, { sum: { field: numeric } }] as const]),
        [
          `own${n}`,
          { terms: { field: SCALARS, include: `${escaped(field)}=.*`, size: VALUES_MAX } },
        ] as const,
      ];
    }),
  );
}

function byField(field: string, limit: number, inner: Query): Query {
  const exact = typeOf(field) === 'boolean' ? undefined : exactField(field);
  const aggs = Object.keys(inner).length === 0 ? {} : { aggs: inner };
  // Enough from each shard that the largest of all are right.
  const size = { size: limit, shard_size: limit * 2 + 100 };
  return {
    ...(exact === undefined ? {} : { known: { terms: { field: exact, ...size }, ...aggs } }),
    own: { terms: { field: TERMS, include: `${escaped(field)}=[sn]:.*`, ...size }, ...aggs },
  };
}

function byTime(intervalMs: number, limit: number, inner: Query): Query {
  const source = {
    date_histogram: { field: '@timestamp', fixed_interval: `${intervalMs}ms`, order: 'desc' },
  };
  return {
    times: {
      composite: { size: limit, sources: [{ time: source }] },
      ...(Object.keys(inner).length === 0 ? {} : { aggs: inner }),
    },
  };
}

function keyOf(aggregation: string, { key }: TermBucket, float: boolean): string | number {
  if (typeof key === 'object') return key.time;
  if (aggregation === 'own') {
    const [, type, value] = /^[^=]*=([sn]):([\s\S]*)$/.exec(key as string)!;
    return type === 'n' ? fromSortable(value!) : value!;
  }
  // The nearest number that a float of 32 bits stands for, in the digits that it has.
  return float && typeof key === 'number' ? Number(key.toPrecision(7)) : key;
}

function sumsOf(bucket: TermBucket, fields: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    fields.map((field, n) => {
      const known = (bucket[`sum${n}`] as { value: number } | undefined)?.value ?? 0;
      const own = bucket[`own${n}`] as {
        sum_other_doc_count: number;
        buckets: { key: string; doc_count: number }[];
      };
      if (own.sum_other_doc_count > 0)
        throw searchIndexError('SEARCH_QUERY_INVALID', {
          reason: `${field} has too many different values to sum up`,
        });
      const each = own.buckets.map(
        ({ key, doc_count }) => fromSortable(key.slice(field.length + 1)) * doc_count,
      );
      return [field, each.reduce((sum, value) => sum + value, known)];
    }),
  );
}
