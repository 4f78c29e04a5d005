/** What all parts of a run share: time, chance, faults, the trace, and where broken invariants are noted. */
import { createHash } from 'node:crypto';
import {
  createManualClock,
  createSeededRandom,
  type ManualClock,
} from '../../platform/clock/manual-clock.ts';
import type { Random } from '../../platform/clock/clock.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Metrics } from '../../platform/metrics/metrics.ts';
import { createChance, type Chance } from './chance.ts';
import { noFaults, type Faults } from './faults.ts';

export interface Violation {
  readonly invariant: string;
  readonly detail: string;
}

export interface World {
  readonly clock: ManualClock;
  readonly chance: Chance;
  readonly faults: Faults;
  readonly violations: Violation[];
  /** Last lines of what happened. */
  readonly lines: string[];
  readonly log: Logger;
  readonly metrics: Metrics;
  /** A random source of its own for one part, so that parts do not disturb each other. */
  random(): Random;
  trace(line: string): void;
  /** Notes a broken invariant; the run goes on. */
  broken(invariant: string, detail: string): void;
  /** Digest of everything traced. */
  digest(): string;
}

const LINES_MAX = 60;
const VIOLATIONS_MAX = 20;
const START_MS = Date.UTC(2026, 10, 24, 2, 15);

export function createWorld(
  seed: number,
  options: { readonly verbose?: (line: string) => void } = {},
): World {
  const clock = createManualClock(START_MS);
  const own = createSeededRandom(seed);
  const hash = createHash('sha256');
  const lines: string[] = [];
  const violations: Violation[] = [];
  const nothing = (): void => undefined;
  const trace = (line: string): void => {
    const text = `${clock.elapsedMs().toFixed(3)} ${line}`;
    hash.update(`${text}\n`);
    lines.push(text);
    if (lines.length > LINES_MAX) lines.shift();
    options.verbose?.(text);
  };
  const said =
    (level: string) =>
    (fields: object, message: string): void => {
      const { error } = fields as { error?: unknown };
      trace(
        `  ${level}: ${message}${error === undefined ? '' : ` (${(error as Error).message ?? 'no reason'})`}`,
      );
    };
  const log: Logger = {
    debug: nothing,
    info: nothing,
    warn: said('warn'),
    error: said('error'),
    child: () => log,
  };
  return {
    clock,
    chance: createChance(own),
    faults: noFaults(),
    violations,
    lines,
    log,
    metrics: {
      counter: () => ({ add: nothing }),
      gauge: () => ({ set: nothing }),
      histogram: () => ({ observe: nothing }),
      expose: () => Promise.resolve(''),
    },
    random: () => createSeededRandom(own.bytes(4).readUInt32BE()),
    trace,
    broken(invariant, detail) {
      trace(`BROKEN ${invariant}: ${detail}`);
      if (violations.length < VIOLATIONS_MAX) violations.push({ invariant, detail });
    },
    digest: () => hash.copy().digest('hex').slice(0, 16),
  };
}
