/**
 * `npm test`: every suite, or those named (`npm test -- event-log postgres`). A suite is a folder or a file: a name stands for all test
 * files whose path has it as a part. Flags: --coverage, --list.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { resolve } from 'node:path';
import { availableServers, type ServerName } from './servers/available.ts';

const root = resolve(import.meta.dirname, '..');
/** Test files at once; two cores give no more, and servers are shared with nobody. */
const CONCURRENCY = 2;

/** Test files that need a server beyond what npm brings: without it they are skipped by name, or fail where CI is set. */
const NEEDS: readonly { readonly files: RegExp; readonly server: ServerName }[] = [
  { files: /postgres|exercise|loop|crash|test\/faults/, server: 'postgres' },
  { files: /postgres\/test\/clients/, server: 'psql' },
];

const argumentsGiven = process.argv.slice(2);
const names = argumentsGiven.filter((argument) => !argument.startsWith('--'));
const files = globSync('**/test/**/*.test.ts', {
  cwd: root,
  exclude: ['node_modules/**', '.node/**', 'dist/**', '.data/**'],
}).sort();
const named =
  names.length === 0
    ? files
    : files.filter((file) =>
        names.some((name) => file.split(/[/.]/).includes(name) || file.startsWith(name)),
      );

if (argumentsGiven.includes('--list')) {
  for (const file of named) console.log(file);
  process.exit(0);
}
if (named.length === 0) {
  console.error(`No suite is called ${names.join(' or ')}. \`npm test -- --list\` shows them all.`);
  process.exit(2);
}

const available = await availableServers();
const missing = new Set<ServerName>();
const runnable = named.filter((file) => {
  const lacking = NEEDS.filter((need) => need.files.test(file) && !available.has(need.server)).map(
    (need) => need.server,
  );
  for (const server of lacking) missing.add(server);
  if (lacking.length > 0) console.error(`skipped: ${file} needs ${lacking.join(', ')}`);
  return lacking.length === 0;
});
if (missing.size > 0 && process.env['CI'] !== undefined) {
  console.error(`CI is set, and these servers cannot be had here: ${[...missing].join(', ')}`);
  process.exit(1);
}

const coverage = argumentsGiven.includes('--coverage')
  ? ['--experimental-test-coverage', '--test-coverage-exclude=**/test/**']
  : [];
const child = spawn(
  process.execPath,
  [
    '--disable-warning=ExperimentalWarning',
    '--test',
    `--test-concurrency=${CONCURRENCY}`,
    '--test-reporter=spec',
    ...coverage,
    ...runnable,
  ],
  { cwd: root, stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => process.exit(code ?? 1));
