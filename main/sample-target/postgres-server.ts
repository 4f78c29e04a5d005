/** A real PostgreSQL server on loopback, for `npm start`, the exercises and the tests. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  closeSync,
  writeFileSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../platform/clock/clock.ts';
import { mainError } from '../errors.ts';
import { endLeftoverServer } from './leftover-server.ts';
import { findPostgres } from './postgres-binaries.ts';
import { freePorts } from './free-ports.ts';

export interface PostgresServerConfig {
  /** Folder for its data, log and socketless configuration; made where absent, taken up again where it holds data. */
  readonly folder: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly superuser: { readonly name: string; readonly password: string };
  /** Lines of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Serves TLS too. */
  readonly tls?: { readonly certificatePem: string; readonly privateKeyPem: string };
}

export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  /** The server's own log. */
  readonly logFile: string;
  readonly pid: number;
  /** `fast` ends sessions; `immediate` is a crash. Resolves when the process is gone. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;

/** Line of postmaster.pid that tells the state (PostgreSQL: src/include/utils/pidfile.h); pg_ctl waits for it too. */
const PID_FILE_STATUS_LINE = 7;

function isReady(data: string, pid: number | undefined): boolean {
  const path = join(data, 'postmaster.pid');
  if (!existsSync(path)) return false;
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines[0] === String(pid) && lines[PID_FILE_STATUS_LINE]?.trim() === 'ready';
}

const quote = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** Starts the server and resolves when it takes connections. Errors: SAMPLE_TARGET_UNAVAILABLE, SAMPLE_TARGET_FAILED. */
export async function startPostgresServer(
  clock: Clock,
  config: PostgresServerConfig,
): Promise<PostgresServer> {
  const { folder: native, runAs } = findPostgres();
  const data = join(config.folder, 'data');
  const logFile = join(config.folder, 'server.log');
  mkdirSync(config.folder, { recursive: true, mode: 0o755 });
  if (runAs !== undefined) chownSync(config.folder, runAs.uid, runAs.gid);
  const own = (path: string): void => {
    chmodSync(path, 0o600);
    if (runAs !== undefined) chownSync(path, runAs.uid, runAs.gid);
  };
  const starterFile = join(config.folder, 'starter.pid');
  await endLeftoverServer(clock, data, starterFile);
  const environment = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8', TZ: 'UTC' };
  const spawnOptions = { cwd: '/', env: environment, ...runAs };

  if (!existsSync(join(data, 'PG_VERSION'))) {
    const passwordFile = join(config.folder, 'password');
    writeFileSync(passwordFile, config.superuser.password, { mode: 0o600 });
    own(passwordFile);
    const made = spawnSync(
      join(native, 'bin', 'initdb'),
      [
        `--pgdata=${data}`,
        `--username=${config.superuser.name}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--no-sync',
        '--no-instructions',
      ],
      { ...spawnOptions, encoding: 'utf8' },
    );
    rmSync(passwordFile);
    if (made.status !== 0)
      throw mainError('SAMPLE_TARGET_FAILED', {
        reason: (made.stderr || String(made.error)).trim().slice(-500),
      });
  }

  const port = config.port === 0 ? (await freePorts(1))[0]! : config.port;
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    ...config.settings,
  };
  if (config.tls !== undefined) {
    for (const [name, pem] of [
      ['server.crt', config.tls.certificatePem],
      ['server.key', config.tls.privateKeyPem],
    ] as const) {
      writeFileSync(join(data, name), pem, { mode: 0o600 });
      own(join(data, name));
    }
    settings['ssl'] = 'on';
  }
  const settingsFile = join(data, 'postgresql.auto.countersign.conf');
  writeFileSync(
    settingsFile,
    Object.entries(settings)
      .map(([name, value]) => `${name} = ${quote(value)}\n`)
      .join(''),
  );
  own(settingsFile);
  // A lock left by a killed server names a pid that may be another process by now; postgres checks that itself.
  const logDescriptor = openSync(logFile, 'a', 0o600);
  const child: ChildProcess = spawn(
    join(native, 'bin', 'postgres'),
    ['-D', data, '-c', `config_file=${writeMainConfig(data, settingsFile, own)}`],
    { ...spawnOptions, stdio: ['ignore', logDescriptor, logDescriptor], detached: true },
  );
  closeSync(logDescriptor);
  let exited = false;
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => {
      exited = true;
      resolve();
    });
  });
  const failed = new Promise<string>((resolve) => child.once('error', (error) => resolve(error.message)));
  const deadline = clock.monotonicUs() + START_TIMEOUT_MS * 1000;
  while (!isReady(data, child.pid)) {
    const spawnError = await Promise.race([failed, Promise.resolve(undefined)]);
    if (exited || spawnError !== undefined || clock.monotonicUs() > deadline) {
      child.kill('SIGKILL');
      const log = readFileSync(logFile, 'utf8').trim().split('\n').slice(-3).join(' ');
      throw mainError('SAMPLE_TARGET_FAILED', { reason: `${spawnError ?? log} (log: ${logFile})` });
    }
    await clock.sleep(10);
  }
  // Only now: a start that is refused must not put its name over that of the server which runs.
  writeFileSync(starterFile, String(process.pid), { mode: 0o600 });
  return {
    host: '127.0.0.1',
    port,
    logFile,
    pid: child.pid!,
    async stop(mode = 'fast') {
      if (!exited) child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
      await gone;
    },
  };
}

/** initdb's postgresql.conf stays as it was made; ours includes it and adds the settings. */
function writeMainConfig(data: string, settingsFile: string, own: (path: string) => void): string {
  const path = join(data, 'countersign.conf');
  writeFileSync(path, `include ${quote(join(data, 'postgresql.conf'))}\ninclude ${quote(settingsFile)}\n`);
  own(path);
  return path;
}
