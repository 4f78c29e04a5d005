import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  assign,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type MemberView,
  type TopicPartition,
} from '../assignor.ts';

const counts: Readonly<Record<string, number>> = { a: 12, b: 12, c: 5 };
const partitionsOf = (topic: string): number => counts[topic]!;
const topics = ['a', 'b', 'c'];
const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

interface State {
  owned: Map<string, readonly TopicPartition[]>;
}

/** One join of all members: what nobody may get twice is checked by the caller. */
function round(state: State): { moved: number } {
  const members: MemberView[] = [...state.owned].map(([id, owned]) => ({ id, topics, owned, generation: 1 }));
  const result = assign(members, partitionsOf);
  let moved = 0;
  for (const [id, owned] of state.owned) {
    const mine = new Set(result.get(id)!.map(nameOf));
    moved += owned.filter((one) => !mine.has(nameOf(one))).length;
  }
  state.owned = result;
  return { moved };
}

const settle = (state: State): void => {
  while (round(state).moved > 0);
  round(state);
};

describe('assignment of partitions', () => {
  it('gives every partition to exactly one member, evenly, whatever joins and leaves', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { minLength: 1, maxLength: 30 }), (changes) => {
        const state: State = { owned: new Map([['m0', []]]) };
        for (const change of changes) {
          const id = `m${change}`;
          if (!state.owned.has(id)) state.owned.set(id, []);
          else if (state.owned.size > 1) state.owned.delete(id);
          settle(state);
          const all = [...state.owned.values()].flat().map(nameOf);
          assert.equal(all.length, 29);
          assert.equal(new Set(all).size, 29);
          const numbers = [...state.owned.values()].map(
            (mine) => mine.filter((one) => one.topic === 'a').length,
          );
          assert.ok(Math.max(...numbers) - Math.min(...numbers) <= 1);
        }
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  it('keeps partitions of one number together', () => {
    const state: State = { owned: new Map(['x', 'y', 'z'].map((id) => [id, []])) };
    settle(state);
    for (const mine of state.owned.values()) {
      const of = (topic: string) => mine.filter((one) => one.topic === topic).map((one) => one.partition);
      assert.deepEqual(new Set(of('a')), new Set(of('b')));
      assert.ok(of('c').every((partition) => of('a').includes(partition)));
    }
  });

  it('moves only what it must, and never to a new member before the old one has given it up', () => {
    const state: State = { owned: new Map(['x', 'y'].map((id) => [id, []])) };
    settle(state);
    const before = new Map(state.owned);
    state.owned.set('z', []);
    const { moved } = round(state);
    // 4 of 12 of each large topic, and of the small one those of the same numbers.
    assert.ok(moved >= 8 && moved <= 11, `${moved} moved`);
    assert.deepEqual(state.owned.get('z'), []);
    for (const id of ['x', 'y'])
      for (const one of state.owned.get(id)!)
        assert.ok(before.get(id)!.some((other) => nameOf(other) === nameOf(one)));
    assert.equal(round(state).moved, 0);
    assert.equal(state.owned.get('z')!.filter((one) => one.topic === 'a').length, 4);
  });

  it('believes the later of two who claim a partition', () => {
    const claim = [{ topic: 'a', partition: 0 }];
    const members = [
      { id: 'old', topics: ['a'], owned: claim, generation: 3 },
      { id: 'new', topics: ['a'], owned: claim, generation: 4 },
    ];
    const result = assign(members, partitionsOf);
    assert.ok(!result.get('old')!.some((one) => one.partition === 0));
  });

  it('travels and comes back', () => {
    const owned = [
      { topic: 'a', partition: 1 },
      { topic: 'a', partition: 7 },
      { topic: 'c', partition: 0 },
    ];
    const view = { topics, owned, generation: 9 };
    assert.deepEqual(decodeSubscription('me', encodeSubscription(view)), { id: 'me', ...view });
    assert.deepEqual(decodeAssignment(encodeAssignment(owned)), owned);
    assert.deepEqual(decodeAssignment(Buffer.alloc(0)), []);
  });
});
