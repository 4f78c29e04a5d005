/** `npm run bench -- NAME [options]`: runs bench/NAME.ts; ends with one line of JSON; exits 1 only if it could not measure. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { machine, type Bench } from './bench.ts';

const HELPERS = new Set(['bench.ts', 'run.ts']);
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && !HELPERS.has(file))
  .map((file) => file.replace('.ts', ''));
const [name, ...args] = process.argv.slice(2);
if (name === undefined || !existsSync(join(import.meta.dirname, `${name}.ts`)) || !names.includes(name)) {
  console.error(`Which benchmark? ${names.join(', ')}`);
  process.exit(2);
}
console.log(`${name} on ${machine()}\n`);
const { bench } = (await import(pathToFileURL(join(import.meta.dirname, `${name}.ts`)).href)) as {
  bench: Bench;
};
try {
  const { figures, goals } = await bench(args);
  for (const { name: goal, goal: wanted, value, met } of goals)
    console.log(`${met ? 'met   ' : 'not met'}  ${goal}: ${value} (goal ${wanted})`);
  console.log(JSON.stringify({ bench: name, figures, goals }));
  process.exit(0);
} catch (error) {
  console.error('Could not measure:', error);
  process.exit(1);
}
