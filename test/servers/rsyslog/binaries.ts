/** rsyslog from Debian's packages, only unpacked: installing it would start a logger of the machine's own. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../cache-folder.ts';
import { mayInstall } from '../debian.ts';

export interface RsyslogProgram {
  readonly program: string;
  readonly moduleFolder: string;
  /** For LD_LIBRARY_PATH; empty where the system has its libraries. */
  readonly libraryFolder: string;
}

const PACKAGES = ['rsyslog', 'rsyslog-openssl', 'libestr0', 'libfastjson4', 'liblognorm5'];
/** Driver that speaks TLS. */
const DRIVER = 'lmnsd_ossl.so';

function inFolder(root: string): RsyslogProgram | undefined {
  const libraries = join(root, 'usr', 'lib');
  if (!existsSync(libraries)) return undefined;
  for (const triplet of readdirSync(libraries)) {
    const libraryFolder = join(libraries, triplet);
    const moduleFolder = join(libraryFolder, 'rsyslog');
    const program = join(root, 'usr', 'sbin', 'rsyslogd');
    if (existsSync(join(moduleFolder, DRIVER)) && existsSync(program))
      return { program, moduleFolder, libraryFolder: root === '/' ? '' : libraryFolder };
  }
  return undefined;
}

const unpacked = (): string => cacheFolder('rsyslog');

/** The program with its TLS driver: the machine's own or the unpacked one. */
export const findRsyslog = (): RsyslogProgram | undefined => inFolder('/') ?? inFolder(unpacked());

/** Unpacks it where that is ours to do. */
export function bringRsyslog(): RsyslogProgram | undefined {
  const found = findRsyslog();
  if (found !== undefined || !mayInstall()) return found;
  console.error('Unpacking rsyslog from Debian’s packages ...');
  const work = `${unpacked()}.${process.pid}`;
  mkdirSync(work, { recursive: true });
  const run = (program: string, ...args: string[]): boolean =>
    spawnSync(program, args, { cwd: work, stdio: ['ignore', 2, 2] }).status === 0;
  try {
    const download = ['download', '-qq', '-o', 'APT::Sandbox::User=root', ...PACKAGES];
    if (!run('apt-get', ...download) && !(run('apt-get', 'update', '-qq') && run('apt-get', ...download)))
      return undefined;
    const files = readdirSync(work).filter((file) => file.endsWith('.deb'));
    for (const file of files) if (!run('dpkg-deb', '-x', file, 'root')) return undefined;
    rmSync(unpacked(), { recursive: true, force: true });
    renameSync(join(work, 'root'), unpacked());
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return findRsyslog();
}
