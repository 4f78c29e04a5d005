/** SSH clients in Python (paramiko, asyncssh, Ansible), installed once into the cache of the test servers. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../cache-folder.ts';

const PACKAGES = ['paramiko==5.1.0', 'asyncssh==2.24.1', 'ansible-core==2.19.14'];

/** Folder with python, ansible and the like; undefined where they cannot be had here. */
export function pythonClients(): string | undefined {
  const folder = cacheFolder('python-ssh-1');
  const bin = join(folder, 'bin');
  if (existsSync(join(bin, 'installed'))) return bin;
  if (spawnSync('python3', ['-m', 'venv', '--help'], { stdio: 'ignore' }).status !== 0) return undefined;
  console.error('Installing paramiko, asyncssh and Ansible into the cache of the test servers, once ...');
  mkdirSync(dirname(folder), { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  const run = (program: string, ...args: readonly string[]): boolean =>
    spawnSync(program, args, { stdio: ['ignore', 2, 2] }).status === 0;
  const made =
    run('python3', '-m', 'venv', folder) &&
    run(join(bin, 'pip'), 'install', '-q', '--disable-pip-version-check', ...PACKAGES);
  if (!made) return undefined;
  // Last: a half-done installation is made anew.
  renameSync(join(bin, 'activate.csh'), join(bin, 'installed'));
  return bin;
}
