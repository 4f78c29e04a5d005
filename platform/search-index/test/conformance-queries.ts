/** Random documents and queries, answered by the index and by the naive model. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import fc from 'fast-check';
import type { Bucket, Filter, IndexDocument, SearchIndex, SearchQuery } from '../search-index.ts';
import { naiveAggregate, naiveSelect, type NaiveDocument } from './naive-index.ts';

const INDEX = 'model';
const WORDS = ['drop', 'table', 'users', 'select', 'Grant', 'münchen', '42'];
/** Lookup fields of the embedded index and others; texts, lists, numbers and booleans. */
const FIELDS = [
  'user.id',
  'countersign.request.actions',
  'rule.name',
  'message',
  'free.number',
  'free.flag',
  'free.mixed',
];

const word = fc.constantFrom(...WORDS);
const scalar = fc.oneof(word, fc.integer({ min: -3, max: 3 }), fc.constantFrom(0.5, 42));
const documentOf = fc.record(
  {
    '@timestamp': fc.integer({ min: -20, max: 200 }),
    'user.id': word,
    'countersign.request.actions': fc.array(word, { maxLength: 3 }),
    'rule.name': scalar,
    message: fc.array(word, { maxLength: 4 }).map((list) => list.join(' ')),
    'free.number': fc.integer({ min: -3, max: 3 }),
    'free.flag': fc.boolean(),
    'free.mixed': fc.oneof(fc.constant(null), scalar, fc.boolean(), fc.array(scalar, { maxLength: 3 })),
  },
  { requiredKeys: ['@timestamp'], noNullPrototype: true },
) as fc.Arbitrary<IndexDocument>;

const field = fc.constantFrom(...FIELDS);
const leaf: fc.Arbitrary<Filter> = fc.oneof(
  fc.record({ field, is: fc.oneof(scalar, fc.boolean()) }),
  fc.record({ field, in: fc.array(scalar, { maxLength: 4 }) }),
  fc.record({ field, from: fc.integer({ min: -3, max: 3 }), to: fc.integer({ min: -3, max: 50 }) }),
  fc.record({ field, from: fc.integer({ min: -3, max: 3 }) }),
  fc.record({ field, startsWith: fc.constantFrom('', 'd', 'dr', 'mü', '4', '%') }),
  fc.record({ field, exists: fc.boolean() }),
);
const filter: fc.Arbitrary<Filter> = fc.oneof(
  { weight: 4, arbitrary: leaf },
  { weight: 1, arbitrary: leaf.map((inner) => ({ not: inner })) },
  { weight: 1, arbitrary: fc.array(leaf, { maxLength: 3 }).map((any) => ({ any })) },
);
const selection = fc.record(
  {
    filters: fc.array(filter, { maxLength: 3 }),
    text: fc.array(word, { minLength: 1, maxLength: 2 }).map((list) => list.join(' ')),
    from: fc.integer({ min: -20, max: 200 }),
    to: fc.integer({ min: -20, max: 200 }),
  },
  { requiredKeys: [] },
);

const ids = (documents: readonly { id: string }[]): string[] => documents.map(({ id }) => id).toSorted();

export function describeQueries(index: () => SearchIndex): void {
  let documents: NaiveDocument[];
  before(async () => {
    const made = fc.sample(documentOf, { numRuns: 400, seed: 11 });
    documents = made.map((document, n) => ({ id: `d${n}`, document }));
    await index().create(INDEX, documents);
    await index().refresh();
  });

  it('finds and counts what the model finds', async () => {
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(selection, fc.constantFrom('newest', 'oldest'), async (query, order) => {
        const expected = naiveSelect(documents, query);
        hits += expected.length;
        const full = { index: INDEX, ...query, order, limit: 1000 } as SearchQuery;
        const found = (await index().search(full)).hits;
        assert.deepEqual(ids(found), ids(expected));
        const times = found.map(({ document }) => document['@timestamp']);
        assert.deepEqual(
          times,
          times.toSorted((a, b) => (order === 'newest' ? b - a : a - b)),
        );
        assert.equal(await index().count({ index: INDEX, ...query }), expected.length);
      }),
      { numRuns: 300, seed: 12 },
    );
    assert.ok(hits > 5000, 'the queries find something');
  });

  it('gives documents back as they came', async () => {
    for (const { id, document } of documents.slice(0, 50))
      assert.deepEqual(await index().get(INDEX, id), document);
    const { hits } = await index().search({ index: INDEX, limit: 1000 });
    const byId = new Map(documents.map(({ id, document }) => [id, document]));
    assert.equal(hits.length, documents.length);
    for (const { id, document } of hits) assert.deepEqual(document, byId.get(id));
  });

  it('aggregates what the model aggregates', async () => {
    const key = (bucket: Bucket): string => `${typeof bucket.key}:${bucket.key}`;
    const sorted = (buckets: Bucket[]): Bucket[] => buckets.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
    const by = fc.oneof(
      field.map((name) => ({ field: name })),
      fc.constantFrom(1, 7, 60).map((intervalMs) => ({ intervalMs })),
    );
    await fc.assert(
      fc.asyncProperty(selection, by, async (query, groupBy) => {
        const full = { index: INDEX, ...query, by: groupBy, sum: ['free.number', 'free.mixed'], limit: 1000 };
        const expected = naiveAggregate(documents, full);
        const found = await index().aggregate(full);
        assert.deepEqual(sorted(found), sorted(expected));
        const order =
          'field' in groupBy ? found.map(({ count }) => count) : found.map((bucket) => Number(bucket.key));
        assert.deepEqual(
          order,
          order.toSorted((a, b) => b - a),
        );
        const top = await index().aggregate({ ...full, limit: 2 });
        assert.deepEqual(
          top.map(({ count }) => count),
          found.slice(0, 2).map(({ count }) => count),
        );
      }),
      { numRuns: 200, seed: 13 },
    );
  });
}
