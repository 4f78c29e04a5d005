/** Figures of a trial set, and the lines that people read: per kind, and each miss with its reason. */
import { percentile, round } from '../bench.ts';
import type { Ran, SetResult } from './run-set.ts';

const ASK_LEVEL = 70;

/** Machines are stopped; for people a person is asked. Both count as caught. */
const caught = ({ outcome }: Ran): boolean => outcome.stoppedBy !== null || outcome.askedBy !== null;
/** What came before the attack began is a false alarm, not a catch. */
const caughtInTime = (ran: Ran): boolean => caught(ran) && caughtAt(ran) >= ran.begunAt;
const caughtAt = ({ outcome }: Ran): number => outcome.stoppedAt ?? outcome.askedAt ?? Number.NaN;

function describe({ outcome, subject, change }: Ran): string {
  const said = [...new Set(outcome.detections.map(({ detector, risk }) => `${detector} ${risk}`))].slice(
    0,
    12,
  );
  const words = said.length === 0 ? 'no detector spoke' : said.join(', ');
  return `${change} on ${subject.actor.subject}: highest risk ${Math.round(outcome.highestRisk)}; ${words}`;
}

const sum = (ran: readonly Ran[], of: (ran: Ran) => number): number =>
  ran.reduce((total, one) => total + of(one), 0);

/** Weeks that benign changes and ordinary work lasted, over all identities. */
function judgedWeeks(ran: readonly Ran[]): number {
  const days = { benign: 3, 'ordinary week': 7, attack: 0 };
  return sum(ran, ({ kind }) => days[kind]) / 7;
}

export function figuresOf({ ran, events, historyLockouts, cpuSeconds }: SetResult): Record<string, number> {
  const attacks = ran.filter(({ kind }) => kind === 'attack');
  const others = ran.filter(({ kind }) => kind !== 'attack');
  const hits = attacks.filter(caughtInTime);
  const falseLockouts = others.filter(({ outcome }) => outcome.stoppedBy !== null).length;
  const early = attacks.filter((one) => caught(one) && !caughtInTime(one)).length;
  const planned = sum(attacks, ({ outcome }) => outcome.rowsPlanned);
  const leaked = sum(attacks, ({ outcome }) => outcome.rowsLeaked);
  const delays = hits.map((one) => caughtAt(one) - one.begunAt);
  return {
    events,
    cpuSeconds: round(cpuSeconds, 1),
    attacks: attacks.length,
    caught: hits.length,
    caughtPercent: round((100 * hits.length) / Math.max(1, attacks.length), 1),
    timeToDetectP50Ms: percentile(delays, 0.5),
    timeToDetectP95Ms: percentile(delays, 0.95),
    requestsUntilCaughtP50: percentile(
      hits.map(({ outcome }) => outcome.requests),
      0.5,
    ),
    rowsLeaked: leaked,
    rowsPlanned: planned,
    rowsLeakedPercent: round((100 * leaked) / Math.max(1, planned), 1),
    benignChanges: ran.filter(({ kind }) => kind === 'benign').length,
    ordinaryWeeks: ran.filter(({ kind }) => kind === 'ordinary week').length,
    falseLockouts: falseLockouts + early,
    falseLockoutsPer100IdentitiesWeek: round(
      (100 * (falseLockouts + early)) / Math.max(1, judgedWeeks(ran)),
      3,
    ),
    // What a playbook that asks from 70 on would bring, and what it would cost.
    attacksFrom70: attacks.filter(({ outcome }) => outcome.highestRisk >= ASK_LEVEL).length,
    othersFrom70: others.filter(({ outcome }) => outcome.highestRisk >= ASK_LEVEL).length,
    falseQuestions: others.filter(({ outcome }) => outcome.stoppedBy === null && outcome.askedBy !== null)
      .length,
    lockoutsInHistory: historyLockouts.length,
  };
}

export function printResult(name: string, result: SetResult): void {
  console.log(`== ${name}`);
  const kinds = new Map<string, Ran[]>();
  for (const one of result.ran) {
    const key = `${one.kind} ${one.change}`;
    kinds.set(key, [...(kinds.get(key) ?? []), one]);
  }
  for (const [key, ran] of kinds) {
    const count =
      ran[0]!.kind === 'attack'
        ? `${ran.filter(caughtInTime).length} of ${ran.length} caught`
        : `${ran.filter(({ outcome }) => outcome.stoppedBy !== null).length} of ${ran.length} locked out, ${ran.filter(({ outcome }) => outcome.stoppedBy === null && outcome.askedBy !== null).length} asked about`;
    console.log(`${key.padEnd(34)} ${count}`);
  }
  for (const one of result.ran) {
    if (one.kind === 'attack' && !caughtInTime(one))
      console.log(`${caught(one) ? 'EARLY ' : 'MISSED'} ${describe(one)}`);
    const why = one.outcome.stoppedBy ?? one.outcome.askedBy;
    if (one.kind !== 'attack' && why !== null)
      console.log(
        `${one.outcome.stoppedBy === null ? 'ASKED ' : 'FALSE '} ${one.change} on ${one.subject.actor.subject}: ${why.reason}`,
      );
  }
  for (const line of result.historyLockouts.slice(0, 20)) console.log(`HISTORY ${line}`);
}
