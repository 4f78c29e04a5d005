/** Runs detectors over history in event time with the engine's own code; changes nothing. */
import type { Detector, Directory } from '../detector.ts';
import type { Detection, SessionEvent } from '../../schemas/types.ts';
import { identityKey, nameSpace } from '../engine/identity-key.ts';
import { createKeyState, type KeyState } from '../engine/key-state.ts';
import { createLiveness } from '../engine/liveness.ts';
import {
  createProcessor,
  NO_RULES,
  NO_SUSPICION,
  type ProcessorConfig,
  type RuleSource,
} from '../engine/processor.ts';
import { arrive } from '../engine/session-order.ts';

export interface BacktestRates {
  readonly events: number;
  readonly identities: number;
  readonly days: number;
  /** By detector: how many, on how many identities, and per 100 identities a week. */
  readonly detectors: readonly {
    readonly detector: string;
    readonly detections: number;
    readonly identities: number;
    readonly per100IdentitiesWeek: number;
  }[];
}

export interface Backtest {
  /** Judges one event at its own time. */
  take(event: SessionEvent): Detection[];
  rates(): BacktestRates;
  /** A second backtest that knows what this one has learned; counts start anew. */
  fork(): Backtest;
}

export interface BacktestConfig extends ProcessorConfig {
  /** A person is assumed to close an incident as benign after so long (event time); learning goes on then. */
  readonly closesAfterMs: number;
  readonly liveAgeMsMax: number;
}

const DAY_MS = 86_400_000;

/** Detectors keyed otherwise than by identity or partition run with their own keys, as behind rekeyed-events. */
export function createBacktest(
  detectors: readonly Detector[],
  directory: Directory,
  config: BacktestConfig,
  rules: RuleSource = NO_RULES,
  learned: Iterable<KeyState> = [],
): Backtest {
  const direct = detectors.filter(({ keyedBy }) => ['none', 'identity', 'partition'].includes(keyedBy));
  const processor = createProcessor(direct, directory, config, rules);
  const liveness = createLiveness(config.liveAgeMsMax);
  const states = new Map([...learned].map((state) => [state.key, createKeyState(state.key, state.encode())]));
  const counts = new Map<string, { detections: number; identities: Set<string> }>();
  const identities = new Set<string>();
  let events = 0;
  let first = Infinity;
  let last = -Infinity;
  const stateOf = (key: string): KeyState => {
    const known = states.get(key);
    if (known !== undefined) return known;
    const made = createKeyState(key);
    states.set(key, made);
    return made;
  };
  return {
    take(event) {
      const key = identityKey(event);
      const state = stateOf(key);
      if (arrive(state.order, event) === 'duplicate') return [];
      events += 1;
      identities.add(key);
      first = Math.min(first, event.time);
      last = Math.max(last, event.time);
      const frozen = state.risk.frozenAt;
      const suspicion =
        frozen !== null && event.time - frozen >= config.closesAfterMs
          ? { open: false, closedAt: event.time, closedAs: 'benign' as const }
          : NO_SUSPICION;
      const trigger = {
        event,
        partition: -1,
        offset: -1,
        live: liveness.isLive(event, event.time),
        now: event.time,
      };
      const found = processor.process(state, stateOf(`${nameSpace(event)}*`), trigger, suspicion);
      for (const { detector } of found) {
        const count = counts.get(detector) ?? { detections: 0, identities: new Set() };
        counts.set(detector, count);
        count.detections += 1;
        count.identities.add(key);
      }
      return found;
    },
    fork: () => createBacktest(detectors, directory, config, rules, states.values()),
    rates() {
      const days = events === 0 ? 0 : Math.max(1, (last - first) / DAY_MS);
      const identityWeeks = (Math.max(1, identities.size) * Math.max(1, days)) / 7;
      return {
        events,
        identities: identities.size,
        days,
        detectors: [...counts]
          .map(([detector, count]) => ({
            detector,
            detections: count.detections,
            identities: count.identities.size,
            per100IdentitiesWeek: (100 * count.detections) / identityWeeks,
          }))
          .sort((a, b) => b.detections - a.detections),
      };
    },
  };
}
