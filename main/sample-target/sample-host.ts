/** The machine's own sshd as a second sample target: on loopback, as the current user, with keys and configuration of its own in the data folder. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Vault } from '../../gateway/credentials/vault.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import type { ConnectionEntry } from '../../schemas/config/connection.ts';
import { freePorts } from './free-ports.ts';

export interface SampleHost {
  readonly connection: ConnectionEntry;
  storeCredential(vault: Vault): Promise<void>;
  stop(): Promise<void>;
}

export const SAMPLE_HOST = 'sample-host';
const READY_MS = 10_000;

const firstOf = (paths: readonly string[]): string | undefined => paths.find((path) => existsSync(path));
const findSshd = (): string | undefined =>
  firstOf(['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/sbin/sshd', '/opt/homebrew/sbin/sshd']);

/** Undefined, with the reason told, where the machine has no sshd that can be started. */
export async function startSampleHost(
  clock: Clock,
  dataFolder: string,
  lacking: (reason: string) => void,
): Promise<SampleHost | undefined> {
  const program = findSshd();
  if (program === undefined) {
    lacking('this machine has no sshd (Debian: openssh-server)');
    return undefined;
  }
  const folder = join(dataFolder, 'sample-host');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = (name: string): string => join(folder, name);
  try {
    makeKeys(file);
    // As root it shuts itself into an empty folder.
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    const port = (await freePorts(1))[0]!;
    writeFileSync(file('sshd_config'), configuration(file, port));
    const child = spawn(program, ['-D', '-e', '-f', file('sshd_config')], {
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    const endWithUs = (): void => void child.kill('SIGKILL');
    process.once('exit', endWithUs);
    await untilAnswers(clock, child, port);
    const hostKey = readFileSync(file('host_key.pub'), 'utf8').split(' ').slice(0, 2).join(' ').trim();
    return {
      connection: {
        name: SAMPLE_HOST,
        protocol: 'ssh',
        host: '127.0.0.1',
        port,
        options: { hostKeys: [hostKey] },
      },
      async storeCredential(vault) {
        const privateKey = readFileSync(file('user_key'), 'utf8');
        await vault.put(
          `connections/${SAMPLE_HOST}`,
          JSON.stringify({ username: userInfo().username, privateKey }),
        );
        // From now on nobody but the vault has it.
        rmSync(file('user_key'));
      },
      async stop() {
        process.off('exit', endWithUs);
        const gone = new Promise<void>((done) => {
          if (child.exitCode !== null || child.signalCode !== null) done();
          else child.once('exit', () => done());
        });
        child.kill('SIGTERM');
        await gone;
      },
    };
  } catch (error) {
    lacking((error as Error).message);
    return undefined;
  }
}

/** The host's key stays, so that clients know it again; the one that logs in is new at each start. */
function makeKeys(file: (name: string) => string): void {
  const keygen = (name: string): void => {
    const made = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)], {
      encoding: 'utf8',
    });
    if (made.status !== 0) throw new Error(`ssh-keygen failed: ${made.stderr ?? 'it is not there'}`);
  };
  if (!existsSync(file('host_key'))) keygen('host_key');
  for (const name of ['user_key', 'user_key.pub']) rmSync(file(name), { force: true });
  keygen('user_key');
  writeFileSync(file('authorized_keys'), readFileSync(file('user_key.pub')), { mode: 0o600 });
}

const configuration = (file: (name: string) => string, port: number): string =>
  [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${file('host_key')}`,
    `PidFile ${file('sshd.pid')}`,
    `AuthorizedKeysFile ${file('authorized_keys')}`,
    'StrictModes no',
    'UsePAM no',
    // A shell of a second level: bash leaves the user's .bashrc alone.
    'SetEnv SHLVL=1',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'AcceptEnv LANG LC_* COUNTERSIGN_SESSION GIT_PROTOCOL',
    'PrintMotd no',
    'Subsystem sftp internal-sftp',
    '',
  ].join('\n');

async function untilAnswers(clock: Clock, child: ChildProcess, port: number): Promise<void> {
  const deadlineUs = clock.monotonicUs() + READY_MS * 1000;
  const answers = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port });
      socket.once('data', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
      socket.once('close', () => resolve(false));
    });
  while (!(await answers())) {
    if (child.exitCode !== null || clock.monotonicUs() > deadlineUs) {
      child.kill('SIGKILL');
      throw new Error('its sshd does not start');
    }
    await clock.sleep(20);
  }
}
