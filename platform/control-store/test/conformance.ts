/** What every control store must do. An adapter is done when it passes. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import type { ControlStore } from '../control-store.ts';

export interface OpenedStore {
  readonly store: ControlStore;
  /** Makes every transaction time-out fall due. */
  expireTransactions(): void;
  dispose(): Promise<void>;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);
const code = (name: string) => (error: unknown) => (error as { code?: string }).code === name;

export function describeControlStore(name: string, open: () => Promise<OpenedStore>): void {
  describe(`control store conformance: ${name}`, () => {
    let opened: OpenedStore;
    let store: ControlStore;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.dispose());
    transactions(() => opened);
    outbox(() => store);
    listing(() => store);
    bounds(() => store);
  });
}

function transactions(opened: () => OpenedStore): void {
  it('commits, reads its own writes, and shows nothing before the commit', async () => {
    const { store } = opened();
    await store.transact(async (tx) => {
      assert.equal(tx.revision, 1);
      await tx.put('tokens', 'a', { n: 1, deep: { list: [1, null, 'x', true] } });
      assert.deepEqual((await tx.get('tokens', 'a'))?.value, { n: 1, deep: { list: [1, null, 'x', true] } });
      assert.equal(await store.get('tokens', 'a'), undefined);
    });
    assert.deepEqual(await store.get('tokens', 'a'), {
      id: 'a',
      value: { n: 1, deep: { list: [1, null, 'x', true] } },
      revision: 1,
    });
    assert.equal(await store.get('others', 'a'), undefined);
  });

  it('answers what is asked for at once as it does one by one', async () => {
    const { store } = opened();
    await store.transact(async (tx) => {
      for (const id of ['a', 'a\n1', 'a\n2', 'b', '\u{10ffff}']) await tx.put('one', id, { id });
      await tx.put('two', 'a', { id: 'two' });
    });
    const entries = [
      ['one', 'a'],
      ['one', 'none'],
      ['none', 'a'],
      ['two', 'a'],
    ] as const;
    const lists = [
      ['one', { limit: 10 }],
      ['one', { prefix: 'a\n', limit: 10 }],
      ['one', { prefix: 'none', limit: 10 }],
      ['one', { after: 'a\n1', limit: 2 }],
      ['none', { limit: 10 }],
    ] as const;
    const ask = (read: Pick<ControlStore, 'get' | 'list'>): Promise<unknown>[] => [
      ...entries.map(([collection, id]) => read.get(collection, id)),
      ...lists.map(([collection, options]) => read.list(collection, options)),
    ];
    const together = await Promise.all(ask(store));
    const alone: unknown[] = [];
    for (const [collection, id] of entries) alone.push(await store.get(collection, id));
    for (const [collection, options] of lists) alone.push(await store.list(collection, options));
    assert.deepEqual(together, alone);
    assert.deepEqual(await store.transact((tx) => Promise.all(ask(tx))), alone);
    const ids = together.slice(entries.length).map((page) => (page as { id: string }[]).map(({ id }) => id));
    assert.deepEqual(ids, [
      ['a', 'a\n1', 'a\n2', 'b', '\u{10ffff}'],
      ['a\n1', 'a\n2'],
      [],
      ['a\n2', 'b'],
      [],
    ]);
    assert.deepEqual(
      together.slice(0, entries.length).map((entry) => entry !== undefined),
      [true, false, false, true],
    );
  });

  it('rolls everything back when the work rejects, and passes its error on', async () => {
    const { store } = opened();
    const failure = new Error('no');
    await assert.rejects(
      store.transact(async (tx) => {
        await tx.put('tokens', 'a', {});
        await tx.publish('topic', 'a', bytes('x'));
        throw failure;
      }),
      (error) => error === failure,
    );
    assert.equal(await store.get('tokens', 'a'), undefined);
    assert.deepEqual(await store.outbox(10), []);
    assert.equal(await store.revision(), 0);
  });

  it('loses no update among 50 concurrent counters', async () => {
    const { store } = opened();
    await Promise.all(
      Array.from({ length: 50 }, () =>
        store.transact(async (tx) => {
          const n = (await tx.get<{ n: number }>('counters', 'one'))?.value.n ?? 0;
          await Promise.resolve();
          await tx.put('counters', 'one', { n: n + 1 });
        }),
      ),
    );
    assert.equal((await store.get<{ n: number }>('counters', 'one'))?.value.n, 50);
    assert.equal(await store.revision(), 50);
  });

  it('gives revisions that grow by one with each transaction that writes, and only with those', async () => {
    const { store } = opened();
    const seen: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      seen.push(await store.transact(async (tx) => (await tx.put('c', `k${round}`, {}), tx.revision)));
      await store.transact((tx) => tx.get('c', 'k0'));
    }
    assert.deepEqual(seen, [1, 2, 3]);
    assert.equal(await store.revision(), 3);
    assert.equal((await store.get('c', 'k1'))?.revision, 2);
  });

  it('deletes', async () => {
    const { store } = opened();
    await store.transact((tx) => tx.put('c', 'a', {}));
    await store.transact(async (tx) => {
      await tx.delete('c', 'a');
      assert.equal(await tx.get('c', 'a'), undefined);
      await tx.delete('c', 'was never there');
    });
    assert.equal(await store.get('c', 'a'), undefined);
  });

  it('rolls back a transaction that hangs, refuses its late writes, and goes on', async () => {
    const { store, expireTransactions } = opened();
    const release = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    let late: Promise<void> | undefined;
    const hanging = store.transact(async (tx) => {
      await tx.put('c', 'hung', {});
      entered.resolve();
      await release.promise;
      late = tx.put('c', 'late', {});
      await late;
    });
    const refused = assert.rejects(hanging, code('CONTROL_STORE_TIMEOUT'));
    await entered.promise;
    expireTransactions();
    await refused;
    await store.transact((tx) => tx.put('c', 'next', {}));
    release.resolve();
    await new Promise(setImmediate);
    await assert.rejects(late!, code('CONTROL_STORE_TRANSACTION_ENDED'));
    assert.deepEqual(
      (await store.list('c', { limit: 10 })).map(({ id }) => id),
      ['next'],
    );
  });
}

function outbox(store: () => ControlStore): void {
  it('hands out what was published in commit order until it is acknowledged', async () => {
    for (const n of [1, 2, 3]) {
      await store().transact(async (tx) => {
        await tx.publish('topic', `k${n}`, bytes(`first ${n}`));
        await tx.publish('topic', `k${n}`, null);
      });
    }
    const all = await store().outbox(100);
    assert.deepEqual(
      all.map(({ key, value }) => [key, value === null ? null : Buffer.from(value).toString()]),
      [1, 2, 3].flatMap((n) => [
        [`k${n}`, `first ${n}`],
        [`k${n}`, null],
      ]),
    );
    assert.deepEqual(await store().outbox(2), all.slice(0, 2));
    assert.deepEqual(await store().outbox(100), all, 'what is not acknowledged comes again');
    await store().acknowledgeOutbox(all[3]!.sequence);
    assert.deepEqual(await store().outbox(100), all.slice(4));
    await store().acknowledgeOutbox(all[5]!.sequence);
    await store().transact((tx) => tx.publish('topic', 'later', null));
    const [later] = await store().outbox(1);
    assert.ok(later!.sequence > all[5]!.sequence, 'sequences are never used again');
  });

  it('commits what needs no flush like anything else', async () => {
    const before = await store().revision();
    await store().transact((transaction) => transaction.put('unflushed', 'a', { n: 1 }), { flush: false });
    await store().transact((transaction) => transaction.put('unflushed', 'b', { n: 2 }));
    assert.equal(await store().revision(), before + 2);
    assert.deepEqual(
      (await store().list('unflushed', { limit: 10 })).map(({ id }) => id),
      ['a', 'b'],
    );
  });

  it('calls back after a commit that published, and only then', async () => {
    let calls = 0;
    const stop = store().onPublished(() => (calls += 1));
    await store().transact((tx) => tx.put('c', 'a', {}));
    assert.equal(calls, 0);
    await store().transact((tx) => tx.publish('topic', 'a', null));
    assert.ok(calls >= 1);
    assert.equal((await store().outbox(10)).length, 1);
    stop();
    const before = calls;
    await store().transact((tx) => tx.publish('topic', 'a', null));
    assert.equal(calls, before);
  });

  it('counts a transaction that only publishes as one with writes', async () => {
    await store().transact((tx) => tx.publish('topic', 'a', null));
    assert.equal(await store().revision(), 1);
  });
}

function listing(store: () => ControlStore): void {
  it('lists in byte order, by prefix, in pages', async () => {
    const ids = [
      'a',
      'a/',
      'a/1',
      'a/10',
      'a/2',
      'a0',
      'B',
      'z',
      'é',
      '\u{ffff}',
      '\u{1f600}',
      'a\u{10ffff}b',
    ];
    await store().transact(async (tx) => {
      for (const id of ids) await tx.put('c', id, { id });
    });
    const sorted = ids.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const listed = async (options: { prefix?: string; after?: string; limit: number }): Promise<string[]> =>
      (await store().list('c', options)).map(({ id }) => id);
    assert.deepEqual(await listed({ limit: 100 }), sorted);
    assert.deepEqual(await listed({ prefix: 'a/', limit: 100 }), ['a/', 'a/1', 'a/10', 'a/2']);
    assert.deepEqual(await listed({ prefix: 'a/', after: 'a/1', limit: 1 }), ['a/10']);
    assert.deepEqual(await listed({ prefix: '\u{ffff}', limit: 9 }), ['\u{ffff}']);
    const paged: string[] = [];
    for (let page = await listed({ limit: 5 }); page.length > 0;) {
      paged.push(...page);
      page = await listed({ after: page.at(-1)!, limit: 5 });
    }
    assert.deepEqual(paged, sorted);
  });

  it('lists inside a transaction as if its writes were there', async () => {
    const operation = fc.record({ id: fc.constantFrom('a', 'b', 'ba', 'bb', 'c', 'é'), keep: fc.boolean() });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { maxLength: 8 }),
        fc.array(operation, { maxLength: 8 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(undefined, 'b'),
        async (before, during, limit, prefix) => {
          round += 1;
          const collection = `round-${round}`;
          const model = new Map<string, number>();
          await store().transact(async (tx) => {
            for (const { id } of before) await tx.put(collection, id, { n: 0 });
          });
          for (const { id } of before) model.set(id, 0);
          await store().transact(async (tx) => {
            for (const { id, keep } of during) {
              if (keep) await tx.put(collection, id, { n: 1 });
              else await tx.delete(collection, id);
              if (keep) model.set(id, 1);
              else model.delete(id);
            }
            const expected = [...model.keys()]
              .filter((id) => id.startsWith(prefix ?? ''))
              .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
              .slice(0, limit);
            const options = prefix === undefined ? { limit } : { limit, prefix };
            const listed = await tx.list<{ n: number }>(collection, options);
            assert.deepEqual(
              listed.map(({ id, value }) => [id, value.n]),
              expected.map((id) => [id, model.get(id)]),
            );
          });
        },
      ),
      { numRuns: 60, seed: 7 },
    );
  });
}

function bounds(store: () => ControlStore): void {
  it('refuses what is over its bounds and stays whole', async () => {
    const invalid = code('CONTROL_STORE_INVALID');
    const refuses = (work: Parameters<ControlStore['transact']>[0]): Promise<void> =>
      assert.rejects(store().transact(work), invalid);
    await refuses((tx) => tx.put('c', '', {}));
    await refuses((tx) => tx.put('c', 'x'.repeat(1025), {}));
    await refuses((tx) => tx.put('c', '\ud800', {}));
    await refuses((tx) => tx.put('No Collection', 'x', {}));
    await refuses((tx) => tx.put('c', 'x', { big: 'x'.repeat(1024 * 1024) }));
    await refuses((tx) => tx.publish('t', 'k', new Uint8Array(1024 * 1024 + 1)));
    await refuses((tx) => tx.publish('', 'k', null));
    await refuses(async (tx) => {
      for (let n = 0; n <= 10_000; n += 1) await tx.put('c', String(n), {});
    });
    await assert.rejects(store().list('c', { limit: 0 }), invalid);
    await assert.rejects(store().list('c', { limit: 10_001 }), invalid);
    assert.equal(await store().revision(), 0);
    await store().transact((tx) => tx.put('c', 'x'.repeat(1024), { fits: 'x'.repeat(1024 * 1024 - 20) }));
    assert.equal(await store().revision(), 1);
  });
}
