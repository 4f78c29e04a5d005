/** OpenSSH's sshd for tests: on loopback, with its own configuration, keys and log, as the current user. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createSystemClock } from '../../../platform/clock/system-clock.ts';
import { freePorts } from '../../../main/sample-target/free-ports.ts';
import { inNamespace, type NamespaceOptions } from './namespace.ts';

export interface TestSshd {
  readonly host: string;
  readonly port: number;
  /** The current user: sshd without root serves no other. */
  readonly user: string;
  /** Private key that the user may log in with, OpenSSH's form. */
  readonly privateKey: string;
  /** Public host keys, as lines without the host. */
  readonly hostKeys: readonly string[];
  /** Signs host certificates; sshd shows one when `hostCertificate` was asked for. */
  readonly hostAuthority: string;
  readonly folder: string;
  readonly logFile: string;
  readonly pid: number;
  /** Pids of processes whose command line is this. */
  processesRunning(command: string): number[];
  /** Ends the process that serves a connection, by the client's port; something must run on it. */
  killConnection(clientPort: number): void;
  restart(): Promise<void>;
  kill9(): void;
  stop(): Promise<void>;
}

export interface SshdOptions {
  /** Folder with another release's sshd, sshd-session, sshd-auth and sftp-server (openssh10()). Default: the machine's. */
  readonly programs?: string;
  /** Further lines of sshd_config, before the others: the first value of a keyword counts. */
  readonly config?: readonly string[];
  /** Public key (line) of an authority whose user certificates are accepted. */
  readonly trustedUserAuthority?: string;
  /** In a mount namespace of its own (see lacksNamespace). */
  readonly namespace?: NamespaceOptions;
  /** Host names in a host certificate that sshd shows. */
  readonly hostCertificate?: readonly string[];
}

const READY_MS = 30_000;
const SFTP_SERVERS = [
  '/usr/lib/openssh/sftp-server',
  '/usr/libexec/openssh/sftp-server',
  '/usr/lib/ssh/sftp-server',
];

/** Where sshd is; undefined where the machine has none. */
export function findSshd(): string | undefined {
  return ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/sbin/sshd'].find((path) => existsSync(path));
}

function keygen(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('ssh-keygen', ['-q', ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ssh-keygen: ${stderr}`);
}

export async function startSshd(options: SshdOptions = {}): Promise<TestSshd> {
  const { programs } = options;
  const program = programs === undefined ? findSshd() : join(programs, 'sshd');
  if (program === undefined) throw new Error('there is no sshd on this machine');
  const folder = mkdtempSync(join(tmpdir(), 'countersign-test-sshd-'));
  const file = (name: string): string => join(folder, name);
  keygen('-t', 'ed25519', '-N', '', '-f', file('host_ed25519'));
  keygen('-t', 'ecdsa', '-N', '', '-f', file('host_ecdsa'));
  keygen('-t', 'ed25519', '-N', '', '-f', file('user_key'));
  keygen('-t', 'ed25519', '-N', '', '-f', file('host_ca'));
  const text = (name: string): string => readFileSync(file(name), 'utf8').trim();
  writeFileSync(file('authorized_keys'), `${text('user_key.pub')}\n`, { mode: 0o600 });
  const lines = [...(options.config ?? [])];
  if (options.trustedUserAuthority !== undefined) {
    writeFileSync(file('user_ca.pub'), `${options.trustedUserAuthority}\n`);
    lines.push(`TrustedUserCAKeys ${file('user_ca.pub')}`);
  }
  if (options.hostCertificate !== undefined) {
    const names = options.hostCertificate.join(',');
    keygen('-s', file('host_ca'), '-I', 'test host', '-h', '-n', names, file('host_ed25519.pub'));
    lines.push(`HostCertificate ${file('host_ed25519-cert.pub')}`);
  }
  const [port] = await freePorts(1);
  lines.push(
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${file('host_ed25519')}`,
    `HostKey ${file('host_ecdsa')}`,
    `PidFile ${file('sshd.pid')}`,
    `AuthorizedKeysFile ${file('authorized_keys')}`,
    'StrictModes no',
    'UsePAM no',
    // A shell of a second level: bash leaves the user's .bashrc alone, whose programs may hold locks when a test kills them.
    'SetEnv SHLVL=1',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin yes',
    'AcceptEnv LANG LC_* COUNTERSIGN_SESSION GIT_PROTOCOL',
    'MaxStartups 1000',
    'PrintMotd no',
    'LogLevel VERBOSE',
    ...(programs === undefined
      ? [`Subsystem sftp ${SFTP_SERVERS.find((path) => existsSync(path)) ?? 'internal-sftp'}`]
      : [
          `Subsystem sftp ${join(programs, 'sftp-server')}`,
          `SshdSessionPath ${join(programs, 'sshd-session')}`,
          `SshdAuthPath ${join(programs, 'sshd-auth')}`,
          'PerSourcePenalties no',
        ]),
  );
  writeFileSync(file('sshd_config'), `${lines.join('\n')}\n`);
  // As root it wants a folder to shut itself into.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const clock = createSystemClock();
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    const bare = [program, '-D', '-E', file('sshd.log'), '-f', file('sshd_config')];
    const [first, ...rest] =
      options.namespace === undefined
        ? bare
        : inNamespace(folder, userInfo().username, options.namespace, bare);
    child = spawn(first!, rest, { stdio: 'ignore' });
    const deadline = clock.monotonicUs() + READY_MS * 1000;
    while (!(await answers(port!))) {
      if (child.exitCode !== null || clock.monotonicUs() > deadline)
        throw new Error(`sshd did not start: ${existsSync(file('sshd.log')) ? text('sshd.log') : ''}`);
      await clock.sleep(20);
    }
  };
  const ended = (): Promise<void> =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve();
      else child.once('exit', () => resolve());
    });
  await start();
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  return {
    host: '127.0.0.1',
    port: port!,
    user: userInfo().username,
    privateKey: readFileSync(file('user_key'), 'utf8'),
    hostKeys: [text('host_ed25519.pub'), text('host_ecdsa.pub')].map((line) =>
      line.split(' ').slice(0, 2).join(' '),
    ),
    hostAuthority: text('host_ca.pub').split(' ').slice(0, 2).join(' '),
    folder,
    logFile: file('sshd.log'),
    get pid() {
      return child.pid!;
    },
    processesRunning,
    killConnection,
    async restart() {
      child.kill('SIGTERM');
      await ended();
      await start();
    },
    kill9: () => void child.kill('SIGKILL'),
    async stop() {
      process.off('exit', endWithUs);
      child.kill('SIGTERM');
      await ended();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

/** Pids of processes whose command line is this (arguments joined by blanks). */
function processesRunning(command: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => commandOf(pid) === command)
    .map(Number);
}

/** Empty for zombies and for what has ended meanwhile. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

/** The parent of what runs on the connection: sshd's process for it. */
function killConnection(clientPort: number): void {
  const mark = `SSH_CONNECTION=127.0.0.1 ${clientPort} `;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark)) continue;
      const parent = readFileSync(`/proc/${pid}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ')[1]!;
      if (readFileSync(`/proc/${parent}/comm`, 'latin1').startsWith('sshd'))
        process.kill(Number(parent), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}
