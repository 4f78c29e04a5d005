/** Rounds: stages over all sessions, order, bulk data, and one session's bug. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRounds } from '../relay/rounds.ts';
import type { Outlet } from '../wire/outlet.ts';

/** Rounds whose turns end when the test says so, and what they did in order. */
function setUp(): {
  rounds: ReturnType<typeof createRounds>;
  done: string[];
  session(name: string): () => void;
  endTurn(): void;
} {
  let waiting: (() => void)[] = [];
  const rounds = createRounds((callback) => void waiting.push(callback));
  const done: string[] = [];
  return {
    rounds,
    done,
    session: (name) => {
      const outlet = { flush: () => void done.push(`send ${name}`) } as unknown as Outlet;
      return () => {
        done.push(`handle ${name}`);
        rounds.flush(outlet);
        rounds.enter(() => void done.push(`enter ${name}`));
      };
    },
    endTurn() {
      const callbacks = waiting;
      waiting = [];
      for (const callback of callbacks) callback();
    },
  };
}

describe('PostgreSQL: rounds', () => {
  it('handle all, then send all, then enter all', () => {
    const { rounds, done, session, endTurn } = setUp();
    rounds.take(10, session('a'));
    rounds.take(10, session('b'));
    assert.deepEqual(done, []);
    endTurn();
    assert.deepEqual(done, ['handle a', 'handle b', 'send a', 'send b', 'enter a', 'enter b']);
    endTurn();
    assert.equal(done.length, 6);
  });

  it('let nothing wait behind much data, and nothing overtake it', () => {
    const { rounds, done, session, endTurn } = setUp();
    rounds.take(10, session('a'));
    rounds.take(64 * 1024, session('b'));
    assert.deepEqual(done, ['handle a', 'handle b', 'send a', 'send b', 'enter a', 'enter b']);
    rounds.take(0, session('c'));
    endTurn();
    assert.equal(done[6], 'handle c');
  });

  it('do at once what comes outside of a round', () => {
    const { done, session } = setUp();
    session('a')();
    assert.deepEqual(done, ['handle a', 'send a', 'enter a']);
  });

  it('go on for the other sessions where one has a bug', () => {
    const { rounds, done, session, endTurn } = setUp();
    rounds.take(10, session('a'));
    rounds.take(10, () => {
      throw new Error('bug');
    });
    rounds.take(10, session('c'));
    assert.throws(endTurn, /bug/);
    endTurn();
    assert.deepEqual(done, ['handle a', 'send a', 'enter a', 'handle c', 'send c', 'enter c']);
  });
});
