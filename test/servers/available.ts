/** Which servers and clients the tests can have on this machine; what is missing is installed where that is ours to do. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findPostgres } from '../../main/sample-target/postgres-binaries.ts';
import { bringOpa, findOpa, hasGo } from './opa.ts';
import { install, mayInstall, unpackPgbench } from './debian.ts';
import { bringRsyslog, findRsyslog } from './rsyslog/binaries.ts';

export type ServerName = 'postgres' | ProgramName;
/** Programs that come from the machine. */
type ProgramName =
  | 'opa'
  | 'psql'
  | 'pgbench'
  | 'pg_dump'
  | 'pgbouncer'
  | 'java'
  | 'mvn'
  | 'elasticsearch'
  | 'rsyslogd'
  | 'chromium'
  | SshProgram;
type SshProgram =
  | 'sshd'
  | 'ssh'
  | 'git'
  | 'rsync'
  | 'lftp'
  | 'plink'
  | 'dbclient'
  | 'at'
  | 'zsh'
  | 'sshfs'
  | 'xauth'
  | 'python3';
/** Debian's package of each. */
const PACKAGES: Readonly<Record<ProgramName, string>> = {
  psql: 'postgresql-client',
  pgbench: 'postgresql-client',
  pg_dump: 'postgresql-client',
  pgbouncer: 'pgbouncer',
  java: 'openjdk-17-jre-headless',
  mvn: 'maven',
  // Its server comes from Maven Central; what a machine needs for it is Java.
  elasticsearch: 'openjdk-21-jdk-headless',
  // Built from its Go module (opa.ts).
  opa: 'golang-go',
  rsyslogd: 'rsyslog',
  chromium: 'chromium',
  sshd: 'openssh-server',
  ssh: 'openssh-client',
  git: 'git',
  rsync: 'rsync',
  lftp: 'lftp',
  plink: 'putty-tools',
  dbclient: 'dropbear-bin',
  at: 'at',
  zsh: 'zsh',
  sshfs: 'sshfs',
  xauth: 'xauth',
  // What its clients are installed with.
  python3: 'python3-venv',
};

const ELASTICSEARCH = join(import.meta.dirname, 'elasticsearch', 'elasticsearch.sh');

/** Programs that know no --version, or say it with a failure. */
const BY_PRESENCE: ReadonlySet<string> = new Set([
  'pgbouncer',
  'sshd',
  'ssh',
  'plink',
  'dbclient',
  'at',
  'xauth',
]);

const isThere = (program: string): boolean =>
  [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'].some((folder) =>
    existsSync(join(folder, program)),
  );

/** Runs it: Debian has a wrapper named pgbench even where the program is not installed. */
const works = (program: string): boolean => {
  if (program === 'rsyslogd') return findRsyslog() !== undefined;
  if (program === 'opa') return findOpa() !== undefined;
  if (BY_PRESENCE.has(program)) return isThere(program);
  return program === 'elasticsearch'
    ? spawnSync('bash', [ELASTICSEARCH, 'check'], { stdio: 'ignore' }).status === 0
    : spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
};

/**
 * For `describe(name, { skip: lacking('psql') }, ...)`: false where all programs are here, else what is missing. With CI set
 * test/run.ts has failed before any test is skipped.
 */
export function lacking(...programs: readonly ProgramName[]): string | false {
  const missing = programs.filter((program) => !works(program));
  return missing.length > 0 && `${missing.join(' and ')} not found on this machine`;
}

const tried = new Set<string>();
function have(program: ProgramName): boolean {
  if (works(program)) return true;
  // Eight minutes of building are for where nothing may be left out.
  if (program === 'opa') return process.env['CI'] !== undefined && bringOpa() !== undefined;
  if (!mayInstall()) return false;
  if (program === 'rsyslogd') return bringRsyslog() !== undefined;
  if (!tried.has(PACKAGES[program])) install(PACKAGES[program]);
  tried.add(PACKAGES[program]);
  if (program === 'pgbench' && !works('pgbench')) {
    const folder = unpackPgbench();
    if (folder !== undefined) process.env['PATH'] = `${folder}${delimiter}${process.env['PATH'] ?? ''}`;
  }
  return works(program);
}

/** The servers of `wanted` that can be had; programs are found through PATH from then on. */
export function availableServers(wanted: ReadonlySet<ServerName>): ReadonlySet<ServerName> {
  const found = new Set<ServerName>();
  for (const name of wanted) {
    if (name !== 'postgres') {
      // Where there is no Go nobody can build it: its tests are skipped by name, in CI, too.
      if (have(name) || (name === 'opa' && !hasGo())) found.add(name);
      continue;
    }
    try {
      findPostgres();
      found.add('postgres');
    } catch {
      // Said by name by whoever asked.
    }
  }
  return found;
}
