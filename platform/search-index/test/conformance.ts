/** What every search index must do. An adapter is done when it passes. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type {
  Filter,
  IndexDocument,
  SearchIndex,
  SearchQuery,
  WriteItem,
  WriteOutcome,
} from '../search-index.ts';
import { describeQueries } from './conformance-queries.ts';

export interface OpenedIndex {
  readonly index: SearchIndex;
  dispose(): Promise<void>;
}

const outcomes = (list: readonly WriteOutcome[]): string[] => list.map(({ outcome }) => outcome);
const item = (id: string, fields: Partial<IndexDocument> = {}, version?: number): WriteItem => ({
  id,
  document: { '@timestamp': 1_750_000_000_000, ...fields },
  ...(version === undefined ? {} : { version }),
});

export function describeSearchIndex(name: string, open: () => Promise<OpenedIndex>): void {
  describe(`search index conformance: ${name}`, () => {
    let opened: OpenedIndex;
    before(async () => {
      opened = await open();
    });
    after(() => opened.dispose());
    writes(() => opened.index);
    paging(() => opened.index);
    badInput(() => opened.index);
    describeQueries(() => opened.index);
  });
}

function writes(index: () => SearchIndex): void {
  it('creates a document once: a second try is a duplicate and changes nothing', async () => {
    const first = await index().create('creates', [item('a', { message: 'first' }), item('b')]);
    assert.deepEqual(outcomes(first), ['created', 'created']);
    const second = await index().create('creates', [item('a', { message: 'second' }), item('c')]);
    assert.deepEqual(outcomes(second), ['duplicate', 'created']);
    assert.equal((await index().get('creates', 'a'))?.['message'], 'first');
    assert.equal(await index().get('creates', 'nobody'), undefined);
    assert.equal(await index().get('never-written', 'a'), undefined);
    await index().refresh();
    assert.equal(await index().count({ index: 'creates' }), 3);
    assert.equal(await index().count({ index: 'never-written' }), 0);
  });

  it('takes the same id twice in one batch', async () => {
    const written = await index().create('twice', [item('a', { message: 'x' }), item('a', { message: 'y' })]);
    assert.deepEqual(outcomes(written), ['created', 'duplicate']);
    assert.equal((await index().get('twice', 'a'))?.['message'], 'x');
  });

  it('lets the highest version win, in whatever order they come', async () => {
    const state = async (): Promise<unknown> =>
      (await index().get('upserts', 'i'))?.['countersign.incident.state'];
    const put = async (version: number, name: string): Promise<string> =>
      (await index().upsert('upserts', [item('i', { 'countersign.incident.state': name }, version)]))[0]!
        .outcome;
    assert.equal(await put(2, 'contained'), 'created');
    assert.equal(await put(1, 'open'), 'stale');
    assert.equal(await state(), 'contained');
    assert.ok(['duplicate', 'stale'].includes(await put(2, 'again')));
    assert.equal(await put(3, 'closed'), 'updated');
    assert.equal(await state(), 'closed');
    await index().refresh();
    const found = async (name: string): Promise<number> =>
      index().count({ index: 'upserts', filters: [{ field: 'countersign.incident.state', is: name }] });
    assert.deepEqual(
      [await found('contained'), await found('closed')],
      [0, 1],
      'no trace of the earlier version',
    );
    assert.equal(await index().count({ index: 'upserts', text: 'contained' }), 0);
    assert.equal(await index().count({ index: 'upserts', text: 'closed' }), 1);
  });

  it('rejects only the bad items of a batch, with the reason', async () => {
    const written = await index().create('rejects', [
      item('good'),
      { id: 'no-time', document: { '@timestamp': Number.NaN } },
      item('', {}),
      item('x'.repeat(513)),
      item('nested', { field: { a: 1 } as never }),
      item('big', { message: 'x'.repeat(1024 * 1024) }),
      item('also-good'),
    ]);
    assert.deepEqual(outcomes(written), [
      'created',
      ...Array.from({ length: 5 }, () => 'rejected'),
      'created',
    ]);
    for (const outcome of written) if (outcome.outcome === 'rejected') assert.ok(outcome.reason.length > 10);
    await index().refresh();
    assert.equal(await index().count({ index: 'rejects' }), 2);
  });

  it('takes items that are made as they are taken, and documents field by field', async () => {
    let made = 0;
    function* items(): Generator<WriteItem> {
      for (const id of ['a', 'b']) {
        made += 1;
        yield {
          id,
          document: (put) => {
            put('@timestamp', 1_750_000_000_000);
            put('message', `the message of ${id}`);
            put('related.user', [id, 'both']);
          },
        };
      }
      yield { id: 'bad', document: (put) => put('message', 'without a time') };
    }
    assert.deepEqual(outcomes(await index().create('made', items())), ['created', 'created', 'rejected']);
    assert.deepEqual(outcomes(await index().create('made', items())), ['duplicate', 'duplicate', 'rejected']);
    assert.equal(made, 4, 'each once per call');
    await index().refresh();
    assert.deepEqual(await index().get('made', 'b'), {
      '@timestamp': 1_750_000_000_000,
      message: 'the message of b',
      'related.user': ['b', 'both'],
    });
    assert.equal(await index().count({ index: 'made', filters: [{ field: 'related.user', is: 'both' }] }), 2);
    assert.deepEqual(await index().create('made', []), []);
  });

  it('takes more items at once than it writes at once', async () => {
    const many = Array.from({ length: 2500 }, (_, n) => item(`m${n}`));
    assert.deepEqual(new Set(outcomes(await index().create('many', many))), new Set(['created']));
    await index().refresh();
    assert.equal(await index().count({ index: 'many' }), 2500);
  });

  it('expires what is older, from every way to find it', async () => {
    const old = Array.from({ length: 2100 }, (_, n) =>
      item(`old${n}`, { '@timestamp': n, 'user.id': 'u', message: 'gone' }),
    );
    await index().create('expires', [
      ...old,
      item('new', { '@timestamp': 5000, 'user.id': 'u', message: 'stays' }),
    ]);
    await index().create('others', [item('old', { '@timestamp': 1 })]);
    await index().refresh();
    assert.equal(await index().expire('expires', 5000), 2100);
    await index().refresh();
    assert.equal(await index().count({ index: 'expires', filters: [{ field: 'user.id', is: 'u' }] }), 1);
    assert.equal(await index().count({ index: 'expires', text: 'gone' }), 0);
    assert.equal(await index().count({ index: 'expires', text: 'stays' }), 1);
    assert.equal(await index().count({ index: 'others' }), 1, 'other indexes keep theirs');
    assert.equal(await index().expire('expires', 5000), 0);
    assert.equal(await index().expire('never-written', 5000), 0);
  });
}

function paging(index: () => SearchIndex): void {
  const pages = async (query: SearchQuery, between: () => Promise<unknown>): Promise<string[]> => {
    const ids: string[] = [];
    for (let after: string | undefined; ;) {
      const page = await index().search({ ...query, ...(after === undefined ? {} : { after }) });
      ids.push(...page.hits.map(({ id }) => id));
      if (page.next === undefined) return ids;
      after = page.next;
      await between();
      await index().refresh();
    }
  };

  for (const order of ['newest', 'oldest'] as const) {
    for (const filters of [
      [],
      [{ field: 'user.id', is: 'u' }],
      [{ field: 'user.id', in: ['u', 'v'] }],
    ] as Filter[][]) {
      it(`pages ${order} first by ${JSON.stringify(filters)}, none twice or missed while documents come`, async () => {
        const name = `pages-${order}-${filters.length}-${JSON.stringify(filters).length}`;
        // Many at one time: the order among them must be stable too.
        const items = Array.from({ length: 25 }, (_, n) =>
          item(`p${n}`, { '@timestamp': 1000 + Math.floor(n / 10), 'user.id': 'u' }),
        );
        await index().create(name, items);
        await index().refresh();
        let added = 0;
        const ids = await pages({ index: name, filters, order, limit: 4 }, async () => {
          added += 1;
          // Ahead of where the paging already is.
          const time = order === 'newest' ? 5000 : 1;
          await index().create(name, [item(`added${added}`, { '@timestamp': time, 'user.id': 'u' })]);
        });
        assert.ok(added >= 5);
        assert.deepEqual(ids.toSorted(), items.map(({ id }) => id).toSorted());
        const times = ids.map((id) => Math.floor(Number(id.slice(1)) / 10));
        assert.deepEqual(
          times,
          times.toSorted((a, b) => (order === 'newest' ? b - a : a - b)),
        );
      });
    }
  }

  it('gives no next page where there is none', async () => {
    await index().create('exact', [item('a'), item('b')]);
    await index().refresh();
    assert.equal((await index().search({ index: 'exact', limit: 2 })).next, undefined);
    assert.notEqual((await index().search({ index: 'exact', limit: 1 })).next, undefined);
    assert.deepEqual(await index().search({ index: 'never-written', limit: 1 }), { hits: [] });
  });
}

function badInput(index: () => SearchIndex): void {
  const deep = (depth: number): Filter => (depth === 0 ? { field: 'a', is: 1 } : { not: deep(depth - 1) });
  const bad: [string, SearchQuery][] = [
    ['limit 0', { index: 'bad', limit: 0 }],
    ['limit 1,001', { index: 'bad', limit: 1001 }],
    ['limit 1.5', { index: 'bad', limit: 1.5 }],
    ['an index name with a slash', { index: '../bad', limit: 1 }],
    ['a field with a quote', { index: 'bad', limit: 1, filters: [{ field: 'a"b', is: 1 }] }],
    ['an empty field', { index: 'bad', limit: 1, filters: [{ field: '', is: 1 }] }],
    ['a value of 9 KiB', { index: 'bad', limit: 1, filters: [{ field: 'a', is: 'x'.repeat(9000) }] }],
    ['not a number', { index: 'bad', limit: 1, filters: [{ field: 'a', is: Number.NaN }] }],
    [
      '1,001 values',
      { index: 'bad', limit: 1, filters: [{ field: 'a', in: Array.from({ length: 1001 }, (_, n) => n) }] },
    ],
    ['a range without ends', { index: 'bad', limit: 1, filters: [{ field: 'a' }] }],
    ['filters 6 deep', { index: 'bad', limit: 1, filters: [deep(6)] }],
    ['101 filters', { index: 'bad', limit: 1, filters: Array.from({ length: 101 }, () => deep(0)) }],
    ['a text without a word', { index: 'bad', limit: 1, text: ' "*" ' }],
    ['a text of 33 words', { index: 'bad', limit: 1, text: 'w '.repeat(33) }],
    ['a text of 1,001 characters', { index: 'bad', limit: 1, text: 'w'.repeat(1001) }],
    ['a cursor that is none', { index: 'bad', limit: 1, after: 'nonsense' }],
    ['a cursor of 1,001 characters', { index: 'bad', limit: 1, after: 'x'.repeat(1001) }],
  ];
  for (const [what, query] of bad) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(index().search(query), { code: 'SEARCH_QUERY_INVALID' });
    });
  }

  it('refuses a cursor of another index or order', async () => {
    await index().create('cursors', [item('a'), item('b')]);
    await index().refresh();
    const { next } = await index().search({ index: 'cursors', limit: 1 });
    for (const other of [{ index: 'exact' }, { index: 'cursors', order: 'oldest' as const }])
      await assert.rejects(index().search({ ...other, limit: 1, after: next! }), {
        code: 'SEARCH_QUERY_INVALID',
      });
  });

  it('refuses bad aggregations', async () => {
    const base = { index: 'bad', limit: 10 };
    for (const query of [
      { ...base, limit: 1001, by: { field: 'a' } },
      { ...base, by: { field: 'a b' } },
      { ...base, by: { intervalMs: 0 } },
      { ...base, by: { field: 'a' }, sum: ['a"'] },
      { ...base, by: { field: 'a' }, sum: Array.from({ length: 11 }, (_, n) => `f${n}`) },
    ])
      await assert.rejects(index().aggregate(query), { code: 'SEARCH_QUERY_INVALID' });
  });

  it('takes search syntax in a text as words', async () => {
    await index().create('syntax', [
      item('a', { message: `select "name" from users where a='b' -- NEAR(x)` }),
      item('b', { message: 'nothing of the kind' }),
    ]);
    await index().refresh();
    const found = async (text: string): Promise<string[]> =>
      (await index().search({ index: 'syntax', text, limit: 10 })).hits.map(({ id }) => id);
    for (const text of [
      '"name"',
      'NEAR(x)',
      "a='b'",
      'SELECT users',
      'users"',
      '* users',
      'message:"select',
      '{select}',
      'users OR',
    ]) {
      const ids = await found(text);
      assert.deepEqual(ids, /message|OR/.test(text) ? [] : ['a'], text);
    }
    assert.deepEqual(await found('users nothing'), []);
    assert.deepEqual(await found('users\u0000 select'), ['a']);
  });
}
