/**
 * The PostgreSQL server of Debian's packages, as old as its pg_dump (which refuses a newer server). From /usr/lib where it is
 * installed, else only unpacked, into the project: installing it would start one.
 */
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, globSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePorts } from '../../main/sample-target/free-ports.ts';
import { mayInstall, unpackPgbench } from './debian.ts';

export interface DebianPostgres {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  stop(): Promise<void>;
}

const USER = 'postgres';
const PASSWORD = 'postgres-of-the-tests';
const UNPACKED = resolve(import.meta.dirname, '..', '..', '.node', 'debian');

/** Folder of its programs; undefined where they cannot be had or do not run here. */
export function debianPostgres(): string | undefined {
  const find = (): string | undefined =>
    ['/', UNPACKED]
      .flatMap((root) =>
        globSync('usr/lib/postgresql/*/bin/initdb', { cwd: root }).map((path) => join(root, path, '..')),
      )
      .find((bin) => spawnSync(join(bin, 'postgres'), ['--version'], { stdio: 'ignore' }).status === 0);
  const there = find();
  if (there !== undefined || !mayInstall()) return there;
  unpackPgbench();
  return find();
}

/** As root it needs another user: it refuses to run as root. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout);
  return { uid: id('-u'), gid: id('-g') };
}

/** `bin`: what `debianPostgres` gave. */
export async function startDebianPostgres(bin: string): Promise<DebianPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-debian-postgres-'));
  const passwords = join(folder, 'password');
  writeFileSync(passwords, PASSWORD);
  const runAs = unprivileged();
  if (runAs !== undefined) for (const path of [folder, passwords]) chownSync(path, runAs.uid, runAs.gid);
  const data = join(folder, 'data');
  const environment = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8', TZ: 'UTC' };
  const made = spawnSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', USER, '-A', 'scram-sha-256', '--pwfile', passwords, '-N', '-E', 'UTF8'],
    { ...runAs, env: environment, cwd: '/', encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const [port] = (await freePorts(1)) as [number];
  const log = openSync(join(folder, 'log'), 'a');
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', '', '-c', 'fsync=off', '-c', 'jit=off'],
    { ...runAs, env: environment, cwd: '/', stdio: ['ignore', log, log] },
  );
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const endWithUs = (): void => void child.kill('SIGQUIT');
  process.once('exit', endWithUs);
  const ready = (): boolean =>
    spawnSync('pg_isready', ['-q', '-h', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' }).status === 0;
  while (!ready()) if (child.exitCode !== null) throw new Error('the server of Debian ended at its start');
  return {
    host: '127.0.0.1',
    port,
    user: USER,
    password: PASSWORD,
    async stop() {
      process.off('exit', endWithUs);
      child.kill('SIGINT');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
