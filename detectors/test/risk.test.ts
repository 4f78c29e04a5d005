import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { barOf, calibrate, contribute, createRiskState, learnDay, rawRisk } from '../risk/identity-risk.ts';

const CONFIG = { halfLifeMs: 1_800_000 };
const DAY_MS = 86_400_000;
const say = (risk: number): { risk: number; detector: string; reason: string } => ({
  risk,
  detector: 'x',
  reason: 'y',
});

describe('detectors: identity risk', () => {
  it('adds dimensions up, not twice the same, and halves with the half-life', () => {
    const state = createRiskState();
    contribute(state, 'source', say(50), 0, CONFIG);
    contribute(state, 'source', say(40), 0, CONFIG);
    assert.equal(rawRisk(state, 0, CONFIG), 0.5);
    contribute(state, 'time', say(40), 0, CONFIG);
    assert.ok(Math.abs(rawRisk(state, 0, CONFIG) - 0.7) < 1e-9);
    assert.ok(Math.abs(rawRisk(state, 1_800_000, CONFIG) - (1 - 0.75 * 0.8)) < 1e-9);
    assert.equal(rawRisk(state, DAY_MS, CONFIG), 0);
    assert.equal(state.dimensions.size, 0);
  });

  it('is calibrated on the worst ordinary days, within bounds', () => {
    const quiet = createRiskState();
    const noisy = createRiskState();
    const extreme = createRiskState();
    for (let day = 0; day < 30; day += 1) {
      learnDay(quiet, 0.1, day * DAY_MS);
      learnDay(noisy, 0.7, day * DAY_MS);
      learnDay(extreme, 0.99, day * DAY_MS);
    }
    const now = 40 * DAY_MS;
    assert.deepEqual(
      [quiet, noisy, extreme].map((state) => barOf(state, now)),
      [0.5, 0.7, 0.8],
    );
    assert.equal(calibrate(0.8, 0.5), 80);
    assert.equal(calibrate(0.7, 0.7), 50);
    assert.equal(calibrate(0.88, 0.7), 80);
    assert.equal(calibrate(1, 0.8), 100);
    assert.equal(calibrate(0, 0.8), 0);
  });
});
