/** `npm run simulate -- [--seed N] [--seeds COUNT] [--from N] [--trace]`: runs seeds, and shows the first that breaks something. */
import { parseArgs } from 'node:util';
import { simulate, type Outcome } from './simulate.ts';

const USAGE = 'npm run simulate -- [--seed N] [--seeds COUNT] [--from N] [--trace]';

function readArguments() {
  try {
    return parseArgs({
      args: process.argv.slice(2).filter((argument) => argument !== '--'),
      options: {
        seed: { type: 'string' },
        seeds: { type: 'string', default: '500' },
        from: { type: 'string', default: '1' },
        trace: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}
const values = readArguments();

const whole = (text: string, name: string): number => {
  if (!/^\d{1,9}$/.test(text)) {
    console.error(`--${name} takes a whole number, not "${text}"`);
    process.exit(2);
  }
  return Number(text);
};

function show({ seed, violations, lines }: Outcome): void {
  console.log(`seed ${seed} broke:`);
  for (const { invariant, detail } of violations) console.log(`  ${invariant}: ${detail}`);
  if (!values.trace) {
    console.log('The last steps:');
    for (const line of lines) console.log(`  ${line}`);
  }
  console.log(`Again, with every step: npm run simulate -- --seed ${seed} --trace`);
}

const from = whole(values.seed ?? values.from, values.seed === undefined ? 'from' : 'seed');
const count = values.seed === undefined ? whole(values.seeds, 'seeds') : 1;
const totals: Record<string, number> = {};
for (let seed = from; seed < from + count; seed += 1) {
  const outcome = await simulate(seed, values.trace ? { verbose: (line) => console.log(line) } : {});
  for (const [name, value] of Object.entries(outcome.counts)) totals[name] = (totals[name] ?? 0) + value;
  if (outcome.violations.length > 0) {
    show(outcome);
    process.exit(1);
  }
}
const figures = Object.entries(totals).map(([name, value]) => `${value} ${name}`);
console.log(
  `${count} seed${count === 1 ? '' : 's'} from ${from}: every invariant held (${figures.join(', ')})`,
);
