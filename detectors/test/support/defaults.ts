import type { BacktestConfig } from '../../backtest/backtest.ts';

const MINUTE_MS = 60_000;

export const DETECTOR_DEFAULTS: BacktestConfig = {
  riskHalfLifeMs: 30 * MINUTE_MS,
  riskLevel: 80,
  learnRiskMax: 70,
  learnAgainAfterMs: 24 * 60 * MINUTE_MS,
  lateMsMax: 10 * MINUTE_MS,
  closesAfterMs: 24 * 60 * MINUTE_MS,
  liveAgeMsMax: 5 * MINUTE_MS,
};
