import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Detection } from '../../schemas/types.ts';
import { createBacktest } from '../backtest/backtest.ts';
import { BASELINES } from '../baselines/registry.ts';
import { EMPTY_DIRECTORY } from '../directory/directory.ts';
import { DETECTOR_DEFAULTS } from './support/defaults.ts';
import { hostEvent } from './support/host-events.ts';

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 5, 1, 9);
const HABIT = ['ls', 'cat', 'grep', 'systemctl', 'tail'];

/** Twenty working days of the same programs, then what is asked for. */
function after(programs: readonly string[], habit: readonly string[] = HABIT): Detection[] {
  const run = createBacktest(BASELINES, EMPTY_DIRECTORY, DETECTOR_DEFAULTS);
  let number = 0;
  for (let day = 0; day < 20; day++)
    for (let turn = 0; turn < 12; turn++) {
      const program = habit[(day + turn) % habit.length]!;
      run.take(hostEvent({ time: START + day * DAY_MS + turn * 300_000, program, number: ++number }));
    }
  return programs.flatMap((program, at) => [
    ...run.take(hostEvent({ time: START + 21 * DAY_MS + at * 60_000, program, number: ++number })),
  ]);
}
const said = (detections: readonly Detection[], detector: string): Detection[] =>
  detections.filter((one) => one.detector === detector);

describe('detectors: programs on hosts', () => {
  it('a program never run is doubted, several more', () => {
    const [one] = said(after(['nmap']), 'programs');
    const many = said(after(['nmap', 'nc', 'gcc', 'strace']), 'programs');
    assert.ok(one !== undefined && many.length > 0);
    assert.match(one.reason, /nmap: programs never run before, among 5/);
    assert.ok(many.at(-1)!.risk > one.risk);
    assert.deepEqual(said(after(HABIT), 'programs'), []);
  });

  it('who tries new programs every day is doubted less', () => {
    const inventive = [...HABIT, ...Array.from({ length: 60 }, (_, at) => `tool${at}`)];
    const usual = said(after(['nmap']), 'programs')[0]!.risk;
    const less = said(after(['nmap'], inventive), 'programs')[0]?.risk ?? 0;
    assert.ok(less < usual, `${less} against ${usual}`);
  });

  it('a first sudo is a first privileged action', () => {
    const [first] = said(after(['sudo']), 'privileged-actions');
    assert.match(first!.reason, /privilege escalation for the first time/);
    assert.deepEqual(said(after(['sudo'], [...HABIT, 'sudo']), 'privileged-actions'), []);
  });
});
