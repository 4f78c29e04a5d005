/** Clients in Python, installed once into the cache of the test servers. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder } from './cache-folder.ts';

/** Folder with python and the programs of the packages; undefined where they cannot be had here. `name`: of a set of packages. */
export function pythonPackages(name: string, packages: readonly string[]): string | undefined {
  const folder = cacheFolder(name);
  const bin = join(folder, 'bin');
  if (existsSync(join(bin, 'installed'))) return bin;
  if (spawnSync('python3', ['-m', 'venv', '--help'], { stdio: 'ignore' }).status !== 0) return undefined;
  console.error(`Installing ${packages.join(', ')} into the cache of the test servers, once ...`);
  mkdirSync(dirname(folder), { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  const run = (program: string, ...args: readonly string[]): boolean =>
    spawnSync(program, args, { stdio: ['ignore', 2, 2] }).status === 0;
  const made =
    run('python3', '-m', 'venv', folder) &&
    run(join(bin, 'pip'), 'install', '-q', '--disable-pip-version-check', ...packages);
  if (!made) return undefined;
  // Last: a half-done installation is made anew.
  renameSync(join(bin, 'activate.csh'), join(bin, 'installed'));
  return bin;
}
