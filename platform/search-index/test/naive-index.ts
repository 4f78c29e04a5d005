/** What a query means, in the plainest way: the model that every index is compared with. */
import type { AggregateQuery, Bucket, Filter, IndexDocument, SearchQuery } from '../search-index.ts';

export interface NaiveDocument {
  readonly id: string;
  readonly document: IndexDocument;
}

type Selection = Pick<SearchQuery, 'filters' | 'text' | 'from' | 'to'>;

const valuesOf = (document: IndexDocument, field: string): (string | number | boolean)[] => {
  const value = document[field];
  if (value === undefined || value === null) return [];
  return typeof value === 'object' ? [...value] : [value];
};

function holds(document: IndexDocument, filter: Filter): boolean {
  if ('not' in filter) return !holds(document, filter.not);
  if ('any' in filter) return filter.any.some((inner) => holds(document, inner));
  const values = valuesOf(document, filter.field);
  if ('is' in filter) return values.includes(filter.is);
  if ('in' in filter) return values.some((value) => typeof value !== 'boolean' && filter.in.includes(value));
  if ('startsWith' in filter)
    return values.some((value) => typeof value === 'string' && value.startsWith(filter.startsWith));
  if ('exists' in filter) return values.length > 0 === filter.exists;
  const { from = -Infinity, to = Infinity } = filter;
  return values.some((value) => typeof value === 'number' && value >= from && value < to);
}

const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

export function naiveSelect(documents: readonly NaiveDocument[], query: Selection): NaiveDocument[] {
  return documents.filter(({ document }) => {
    const time = document['@timestamp'];
    if (time < (query.from ?? -Infinity) || time >= (query.to ?? Infinity)) return false;
    if (!(query.filters ?? []).every((filter) => holds(document, filter))) return false;
    const texts = new Set(
      Object.values(document)
        .flat()
        .flatMap((value) => (typeof value === 'string' ? words(value) : [])),
    );
    return query.text === undefined || words(query.text).every((word) => texts.has(word));
  });
}

export function naiveAggregate(documents: readonly NaiveDocument[], query: AggregateQuery): Bucket[] {
  const buckets = new Map<string | number, { count: number; sums: Record<string, number> }>();
  for (const { document } of naiveSelect(documents, query)) {
    const { by } = query;
    const keys =
      'field' in by
        ? valuesOf(document, by.field).filter((value) => typeof value !== 'boolean')
        : [Math.floor(document['@timestamp'] / by.intervalMs) * by.intervalMs];
    for (const key of new Set(keys)) {
      const bucket = buckets.get(key) ?? {
        count: 0,
        sums: Object.fromEntries((query.sum ?? []).map((f) => [f, 0])),
      };
      buckets.set(key, bucket);
      bucket.count += 1;
      for (const field of query.sum ?? []) {
        const value = document[field];
        if (typeof value === 'number') bucket.sums[field]! += value;
      }
    }
  }
  const list = [...buckets].map(([key, bucket]) => ({ key, ...bucket }));
  return 'field' in query.by
    ? list.toSorted((a, b) => b.count - a.count)
    : list.toSorted((a, b) => Number(b.key) - Number(a.key));
}
