import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ATTACKS } from '../../main/exercise/attacks.ts';
import { BENIGN_CHANGES } from '../../main/exercise/benign.ts';
import { runTrial } from './support/trial.ts';

const ACTORS = [
  ['deploy', 101],
  ['deploy', 102],
  ['report', 103],
  ['report', 104],
  ['sync', 105],
  ['health', 106],
] as const;

describe('detectors: baselines on 28 days of history', () => {
  for (const { name } of ATTACKS) {
    it(`finds ${name}`, () => {
      for (const [job, seed] of ACTORS) {
        const trial = runTrial(name, seed, job);
        assert.ok(trial.peak >= 80, `${name} of ${job}: ${trial.peak}`);
        if (name === 'stolen-token') assert.ok(trial.statementsUntilCrossed! <= 2, `${job}: late`);
      }
    });
  }
  for (const { name } of BENIGN_CHANGES) {
    it(`lets ${name} go on`, () => {
      for (const [job, seed] of ACTORS) {
        const trial = runTrial(name, seed, job);
        assert.ok(trial.events.length > 5);
        assert.ok(trial.peak < 75, `${name} of ${job}: ${trial.peak}`);
        assert.deepEqual(
          trial.historyDetections.filter(({ detectorKind }) => detectorKind === 'risk'),
          [],
        );
      }
    });
  }
  it('says why in words with figures', () => {
    const { detections } = runTrial('stolen-token', 101, 'deploy');
    const risk = detections.find(({ detectorKind }) => detectorKind === 'risk')!;
    assert.match(risk.reason, /never seen/);
    assert.match(risk.reason, /outside the hours of [\d,]+ earlier events/);
    assert.ok(detections.every(({ reason }) => /\d|first time|new/.test(reason)));
  });
});
