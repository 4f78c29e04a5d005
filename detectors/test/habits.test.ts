import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  createHabitState,
  habitKey,
  habitShare,
  learnHabit,
  lessen,
  settleSuspects,
  suspectHabit,
} from '../risk/habits.ts';
import { attackedHistory } from './support/history.ts';

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 5, 1);

describe('detectors: what an identity does day after day', () => {
  const request = attackedHistory(1, 1).history.find(({ body }) => body.kind === 'request')!;
  const finding = { title: 't', severity: 'high' as const, risk: 60, reason: 'r.' };

  it('counts less with each earlier day, and again more when it stays away', () => {
    const state = createHabitState();
    const shares = [0, 1, 2, 3].map((day) => {
      const { share } = habitShare(state, 'k', START + day * DAY_MS);
      learnHabit(state, 'k', START + day * DAY_MS);
      return share;
    });
    assert.equal(shares[0], 1);
    assert.ok(shares[1]! > 0.49 && shares[1]! < 0.52);
    assert.ok(shares[2]! < 0.36 && shares[3]! < 0.28);
    assert.ok(habitShare(state, 'k', START + 60 * DAY_MS).share > 0.7);
    assert.equal(habitShare(state, 'other', START + 4 * DAY_MS).share, 1);
  });

  it('does not become usual within a night, however often', () => {
    const state = createHabitState();
    for (let minute = 0; minute < 600; minute += 1) {
      const at = START + DAY_MS - 5 * 3_600_000 + minute * 60_000;
      assert.equal(habitShare(state, 'k', at).share, 1);
      learnHabit(state, 'k', at);
    }
  });

  it('never holds for leavers, hidden code, and rules that say so', () => {
    assert.equal(typeof habitKey('r', 'privilege', finding, request), 'string');
    assert.equal(habitKey('r', 'leaver', finding, request), null);
    assert.equal(habitKey('r', 'x', { ...finding, tags: ['countersign.always'] }, request), null);
    const hidden = {
      ...request,
      body: {
        ...request.body,
        actions: [
          { action: 'opaque_code', objectKind: null, object: null, columns: [], whole: false, via: [] },
        ],
      },
    } as unknown as typeof request;
    assert.equal(habitKey('r', 'privilege', finding, hidden), null);
  });

  it('is about the command: another object is another thing', () => {
    const drop = (object: string): typeof request =>
      ({
        ...request,
        body: { ...request.body, fingerprint: null, actions: [{ action: 'drop', object }] },
      }) as unknown as typeof request;
    assert.notEqual(
      habitKey('r', 'privilege', finding, drop('staging')),
      habitKey('r', 'privilege', finding, drop('customers')),
    );
  });

  it('is learned from what a person calls benign, and from nothing else', () => {
    for (const benign of [true, false]) {
      const state = createHabitState();
      suspectHabit(state, 'k');
      settleSuspects(state, benign, START);
      assert.equal(habitShare(state, 'k', START + DAY_MS).share < 0.3, benign);
      assert.deepEqual(state.suspects, []);
    }
  });

  it('says so in the reason and lowers the severity', () => {
    const less = lessen(finding, { share: 0.25, days: 3 });
    assert.equal(less.risk, 15);
    assert.equal(less.severity, 'low');
    assert.match(less.reason, /the same on 3 earlier days/);
    assert.equal(lessen(finding, { share: 1, days: 0 }), finding);
  });

  it('is bounded', () => {
    const state = createHabitState();
    for (let index = 0; index < 1000; index += 1) {
      learnHabit(state, `k${index}`, START + index * DAY_MS);
      suspectHabit(state, `k${index}`);
    }
    assert.ok(state.habits.size <= 256 && state.habits.has('k999') && !state.habits.has('k0'));
    assert.ok(state.suspects.length <= 64);
  });
});
