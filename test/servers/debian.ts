/** Programs from Debian's packages, for root on a machine of that kind; every step is said aloud. */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const TRIES = 5;
/** Another apt may hold the lists' lock; its own waiting covers only dpkg's. */
const TRY_AGAIN_MS = 5000;

const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
const run = (program: string, args: readonly string[], cwd?: string): boolean =>
  spawnSync(program, args, { stdio: ['ignore', 2, 2], env: environment, cwd }).status === 0;

export const mayInstall = (): boolean =>
  process.getuid?.() === 0 && existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get');

let updated = false;
function update(): void {
  for (let left = TRIES; left > 0 && !updated; left -= 1) {
    updated = run('apt-get', ['update', '-qq']);
    if (!updated) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TRY_AGAIN_MS);
  }
}

/** Installs a package; true when it is there. */
export function install(name: string): boolean {
  console.error(`Installing ${name} from Debian's packages ...`);
  update();
  return run('apt-get', [
    '-o',
    'DPkg::Lock::Timeout=300',
    'install',
    '-y',
    '-qq',
    '--no-install-recommends',
    name,
  ]);
}

/**
 * Debian keeps pgbench in the package of the server, and installing that would start one. So it is only unpacked, into the project.
 * Returns the folder with pgbench in it.
 */
export function unpackPgbench(): string | undefined {
  const root = resolve(import.meta.dirname, '..', '..', '.node', 'debian');
  const find = (): string | undefined =>
    globSync('usr/lib/postgresql/*/bin/pgbench', { cwd: root }).map((path) => join(root, path, '..'))[0];
  const there = find();
  if (there !== undefined) return there;
  update();
  const depends = spawnSync('apt-cache', ['depends', 'postgresql'], { encoding: 'utf8', env: environment });
  const server = /\bpostgresql-\d+\b/.exec(depends.stdout)?.[0];
  if (server === undefined) return undefined;
  console.error(`Unpacking pgbench from Debian's ${server} into .node/debian ...`);
  // A folder of this process: two test runs at once do not meet, and the last one to finish is as good as the first.
  const work = join(root, `download-${process.pid}`);
  mkdirSync(work, { recursive: true });
  try {
    if (!run('apt-get', ['download', '-qq', '-o', 'APT::Sandbox::User=root', server], work)) return undefined;
    const archive = readdirSync(work).find((file) => file.endsWith('.deb'));
    if (archive !== undefined) run('dpkg-deb', ['-x', join(work, archive), root]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return find();
}
