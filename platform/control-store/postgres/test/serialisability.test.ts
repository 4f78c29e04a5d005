/**
 * Random transactions of several stores at once: whatever interleaving comes out, doing them one after the other in the order of
 * their revisions gives the same reads, the same lists and the same end.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { ControlStore } from '../../control-store.ts';
import { startStoreServer, type StoreServer } from './support.ts';

type Step =
  | { readonly kind: 'get' | 'delete'; readonly id: string }
  | { readonly kind: 'put'; readonly id: string }
  | { readonly kind: 'list'; readonly prefix: string };

/** What one transaction saw and wrote, as it was told. */
interface Told {
  readonly at: number;
  readonly number: number;
  readonly seen: unknown[];
}

const id = fc.constantFrom('a/1', 'a/2', 'b/1', 'b/2');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('get' as const, 'delete' as const, 'put' as const), id }),
  fc.record({ kind: fc.constant('list' as const), prefix: fc.constantFrom('', 'a/', 'b/') }),
);
const work = fc.array(step, { minLength: 1, maxLength: 6 });

/** Every transaction writes a mark of its own, so that it has a place in the order; some ask for their revision, some do not. */
async function run(store: ControlStore, steps: readonly Step[], number: number): Promise<Told> {
  const mark = `mark-${number}`;
  const seen = await store.transact(async (tx) => {
    const answers: unknown[] = [];
    for (const given of steps) {
      if (given.kind === 'get') answers.push((await tx.get('c', given.id))?.value ?? null);
      else if (given.kind === 'list')
        answers.push(
          (await tx.list('c', { prefix: given.prefix, limit: 10 })).map((entry) => [entry.id, entry.value]),
        );
      else if (given.kind === 'put') await tx.put('c', given.id, { by: number, read: answers.length });
      else await tx.delete('c', given.id);
    }
    await tx.put('marks', mark, number % 3 === 0 ? { revision: tx.revision } : {});
    return answers;
  });
  const entry = await store.get<{ revision?: number }>('marks', mark);
  if (entry!.value.revision !== undefined) assert.equal(entry!.value.revision, entry!.revision);
  return { at: entry!.revision, number, seen };
}

function replay(told: readonly Told[], all: readonly (readonly Step[])[]): Map<string, unknown> {
  const model = new Map<string, unknown>();
  for (const { number, seen } of told) {
    const answers: unknown[] = [];
    for (const given of all[number]!) {
      if (given.kind === 'get') answers.push(model.get(given.id) ?? null);
      else if (given.kind === 'list')
        answers.push(
          [...model].filter(([key]) => key.startsWith(given.prefix)).sort(([a], [b]) => (a < b ? -1 : 1)),
        );
      else if (given.kind === 'put') model.set(given.id, { by: number, read: answers.length });
      else model.delete(given.id);
    }
    assert.deepEqual(seen, answers, `transaction ${number}`);
  }
  return model;
}

describe('transactions of several processes', () => {
  let servers: StoreServer;
  before(async () => {
    servers = await startStoreServer();
  });
  after(() => servers.stop());

  it('are as if one had followed the other in the order of revisions', async () => {
    let conflicts = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(work, { minLength: 4, maxLength: 24 }), async (all) => {
        const schema = servers.newSchema();
        const stores = await Promise.all([1, 2, 3].map(() => servers.open({ schema })));
        try {
          const told = await Promise.all(
            all.map((steps, number) => run(stores[number % stores.length]!, steps, number)),
          );
          told.sort((one, other) => one.at - other.at);
          assert.deepEqual(
            told.map(({ at }) => at),
            told.map((_, index) => index + 1),
            'one revision each, without gaps',
          );
          const model = replay(told, all);
          const left = await stores[0]!.list('c', { limit: 10 });
          assert.deepEqual(new Map(left.map((entry) => [entry.id, entry.value])), model);
          conflicts += told.filter(({ number }, index) => number !== index).length;
        } finally {
          for (const store of stores) await store.close();
        }
      }),
      { numRuns: 12, seed: 42 },
    );
    assert.ok(conflicts > 0, 'they did run beside each other');
  });
});
