import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ATTACKS } from '../../main/exercise/attacks.ts';
import { BENIGN_CHANGES } from '../../main/exercise/benign.ts';
import { libraryFolder, loadRules } from '../rules/index.ts';
import { createRuleSet } from '../rules/sigma/rule-set.ts';
import { runTrial } from './support/trial.ts';

describe('detectors: baselines and rules together', () => {
  const rules = createRuleSet();
  assert.deepEqual(rules.replace(loadRules([libraryFolder])), []);
  for (const [job, seed] of [
    ['deploy', 201],
    ['report', 202],
  ] as const) {
    it(`find every attack on ${job} and let every benign change go on`, () => {
      for (const { name } of ATTACKS) assert.ok(runTrial(name, seed, job, rules).peak >= 80, name);
      for (const { name } of BENIGN_CHANGES) {
        const { peak } = runTrial(name, seed, job, rules);
        assert.ok(peak < 75, `${name}: ${peak}`);
      }
    });
  }
  it('both speak in one event', () => {
    const { detections } = runTrial('privilege-escalation', 201, 'deploy', rules);
    assert.ok(new Set(detections.map(({ detectorKind }) => detectorKind)).size >= 3);
  });
});
