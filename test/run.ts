/**
 * `npm test`: every suite, or those named (`npm test -- event-log postgres`). A suite is a folder or a file: a name stands for all test
 * files whose path has it as a part. Flags: --coverage, --list, --concurrency=N.
 */
import { spawn } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readSources } from './house/sources.ts';
import { availableServers, type ServerName } from './servers/available.ts';

const root = resolve(import.meta.dirname, '..');
/** Test files at once; two cores give no more, and servers are shared with nobody. */
const CONCURRENCY = 2;
/** One test; the longest takes a minute on two busy cores. Hooks, leaks and whole files: test/watchdog.ts. */
const TEST_MS_MAX = 600_000;
/** The whole run. */
const RUN_MS_MAX = 45 * 60_000;

const argumentsGiven = process.argv.slice(2);
const names = argumentsGiven.filter((argument) => !argument.startsWith('--'));
const files = globSync('**/test/**/*.test.ts', {
  cwd: root,
  exclude: ['node_modules/**', '.node/**', 'dist/**', '.data/**', 'coverage/**'],
}).sort();
const named =
  names.length === 0
    ? files
    : files.filter((file) =>
        names.some(
          (name) => file.split(/[/.]/).includes(name) || (name.includes('/') && file.includes(name)),
        ),
      );

if (argumentsGiven.includes('--list')) {
  for (const file of named) console.log(file);
  process.exit(0);
}
if (named.length === 0) {
  console.error(`No suite is called ${names.join(' or ')}. \`npm test -- --list\` shows them all.`);
  process.exit(2);
}

/** Servers that each file needs: PostgreSQL where it imports what starts one, programs where it says so (`lacking`). */
function needs(): Map<string, Set<ServerName>> {
  const sources = new Map(readSources().map((source) => [source.path, source]));
  const reach = (path: string, seen: Set<string>): Set<string> => {
    if (seen.has(path)) return seen;
    seen.add(path);
    for (const { own, name, typeOnly } of sources.get(path)?.imports ?? [])
      if (own && !typeOnly) reach(name, seen);
    return seen;
  };
  return new Map(
    named.map((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      const programs = [...text.matchAll(/\blacking\(([^)]*)\)/g)].flatMap((match) => [
        ...match[1]!.matchAll(/'(\w+)'/g),
      ]);
      const found = new Set<ServerName>(programs.map((match) => match[1] as ServerName));
      if (reach(file, new Set()).has('main/sample-target/postgres-server.ts') || text.includes("'start.ts'"))
        found.add('postgres');
      return [file, found];
    }),
  );
}

const needed = needs();
const wanted = new Set([...needed.values()].flatMap((servers) => [...servers]));
const available = availableServers(wanted);
const missing = [...wanted].filter((server) => !available.has(server));
if (missing.length > 0 && process.env['CI'] !== undefined) {
  console.error(`CI is set, and these servers cannot be had here: ${missing.join(', ')}`);
  process.exit(1);
}
const runnable = named.filter((file) => available.has('postgres') || !needed.get(file)!.has('postgres'));
for (const server of missing) {
  const hit = named.filter((file) => needed.get(file)!.has(server));
  const what = server === 'postgres' ? 'Skipped' : 'Skipped in part';
  console.error(`${what}, since ${server} cannot be had here: ${hit.join(', ')}`);
}
if (runnable.length === 0) process.exit(0);

const coverage = argumentsGiven.includes('--coverage')
  ? ['--experimental-test-coverage', '--test-coverage-exclude=**/{test,bench}/**']
  : [];
const concurrency =
  argumentsGiven.find((argument) => argument.startsWith('--concurrency='))?.slice(14) ?? CONCURRENCY;
const child = spawn(
  process.execPath,
  [
    '--disable-warning=ExperimentalWarning',
    // Node can deadlock at its end while V8 compiles in the background (nodejs/node#54918).
    '--single-threaded',
    '--import',
    join(import.meta.dirname, 'watchdog.ts'),
    '--test',
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${TEST_MS_MAX}`,
    '--test-reporter=spec',
    ...coverage,
    ...runnable,
  ],
  { cwd: root, stdio: 'inherit' },
);
const late = setTimeout(() => {
  console.error(`The tests are not done after ${RUN_MS_MAX / 60_000} min; they are ended.`);
  child.kill('SIGINT');
}, RUN_MS_MAX);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => {
  clearTimeout(late);
  process.exit(code ?? 1);
});
