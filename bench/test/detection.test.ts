import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createStatementAnalyser } from '../../main/exercise/statement-analyser.ts';
import { createSystemClock } from '../../platform/clock/system-clock.ts';
import { HOLDOUT_SET } from '../detect-holdout/holdout-set.ts';
import { figuresOf } from '../detection/report.ts';
import { runSet, type SetResult } from '../detection/run-set.ts';
import { SEED_SET } from '../detection/seed-set.ts';

/** Attacks of the hold-out that must be caught; the others are limits that docs/detection-model.md names. */
const MUST = new Set(['person-at-night', 'hijacked-agent', 'temp-staging', 'grant-to-self']);

const missedOf = ({ ran }: SetResult): string[] =>
  ran
    .filter(({ kind, outcome }) => kind === 'attack' && (outcome.stoppedBy ?? outcome.askedBy) === null)
    .map(({ change, subject }) => `${change} on ${subject.actor.subject}`);
const falseOf = ({ ran }: SetResult): string[] =>
  ran
    .filter(({ kind, outcome }) => kind !== 'attack' && outcome.stoppedBy !== null)
    .map(
      ({ change, subject, outcome }) => `${change} on ${subject.actor.subject}: ${outcome.stoppedBy!.reason}`,
    );

describe('detection: shipped baselines and rules, the real analyser, policy and playbooks', () => {
  let analyser: Awaited<ReturnType<typeof createStatementAnalyser>>;
  before(async () => {
    analyser = await createStatementAnalyser(createSystemClock());
  });
  after(() => analyser.close());

  for (const seed of [41, 42])
    it(`catch every attack of the seed set and lock nobody else out (seed ${seed})`, () => {
      const result = runSet(SEED_SET, { seed, identities: 20, analyse: analyser.analyse });
      const { attacks, benignChanges, ordinaryWeeks } = figuresOf(result);
      assert.deepEqual([attacks, benignChanges, ordinaryWeeks], [8, 8, 12]);
      assert.deepEqual(missedOf(result), []);
      assert.deepEqual(falseOf(result), []);
      assert.deepEqual(result.historyLockouts, []);
    });

  it('lock no machine out for what looks odd and is right in the hold-out', () => {
    const result = runSet(HOLDOUT_SET, { seed: 43, identities: 30, analyse: analyser.analyse });
    assert.ok(result.ran.filter(({ kind }) => kind === 'benign').length >= 10);
    assert.deepEqual(falseOf(result), []);
    assert.deepEqual(
      missedOf(result).filter((miss) => MUST.has(miss.split(' ')[0]!)),
      [],
    );
  });
});
