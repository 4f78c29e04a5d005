/**
 * `npm run bench -- detect [--seed N] [--identities N] [--holdout | --seed-set]`: identities with weeks of history, then attacks and benign
 * changes on days that were not learned from, and a week of ordinary work. Twice: with the generators of the exercises (the seed set, which
 * the baselines were made with) and with a hold-out that they were not. Detectors, policy and playbooks as shipped; every miss is printed.
 */
import { createStatementAnalyser } from '../main/exercise/statement-analyser.ts';
import { createSystemClock } from '../platform/clock/system-clock.ts';
import { atLeast, atMost, option, round, type Bench } from './bench.ts';
import { HOLDOUT_SET } from './detect-holdout/holdout-set.ts';
import { figuresOf, printResult } from './detection/report.ts';
import { runSet } from './detection/run-set.ts';
import { SEED_SET } from './detection/seed-set.ts';

export const bench: Bench = async (args) => {
  const seed = Number(option(args, 'seed', '1'));
  const identities = Number(option(args, 'identities', '100'));
  const { analyse, close } = await createStatementAnalyser(createSystemClock());
  const sets = [SEED_SET, HOLDOUT_SET].filter(
    (set) => !args.includes(set === SEED_SET ? '--holdout' : '--seed-set'),
  );
  const figures: Record<string, number | string> = { seed, identities };
  let events = 0;
  let cpuSeconds = 0;
  for (const set of sets) {
    const result = runSet(set, { seed, identities, analyse });
    printResult(set.name, result);
    const prefix = set === SEED_SET ? 'seedSet' : 'holdout';
    for (const [name, value] of Object.entries(figuresOf(result))) figures[`${prefix}.${name}`] = value;
    events += result.events;
    cpuSeconds += result.cpuSeconds;
  }
  await close();
  figures['events'] = events;
  figures['eventsPerCpuSecond'] = Math.round(events / cpuSeconds);
  console.log(figures);
  const of = (name: string): number => round(Number(figures[name] ?? Number.NaN), 3);
  return {
    figures,
    goals: sets.flatMap((set) => {
      const prefix = set === SEED_SET ? 'seedSet' : 'holdout';
      return [
        atLeast(`${set.name}: attacks caught, percent`, 95, of(`${prefix}.caughtPercent`)),
        atMost(
          `${set.name}: false lockouts per 100 identities a week`,
          0.1,
          of(`${prefix}.falseLockoutsPer100IdentitiesWeek`),
        ),
      ];
    }),
  };
};
