/** One broker as a process of its own. */
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { classArchive, kafkaClassPath } from './jars.ts';

export interface Broker {
  readonly pid: number;
  readonly logFile: string;
  /** Its log so far. */
  log(): string;
  /** True once it serves; throws when it ended instead. */
  ready(): boolean;
  /** SIGTERM: leaves in order. Resolves when it is gone. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  freeze(frozen: boolean): void;
  readonly ended: boolean;
  /** Writes the class archive when it stops in order. */
  readonly archives: boolean;
}

export interface BrokerFiles {
  readonly folder: string;
  readonly properties: string;
  readonly logging: string;
  readonly heapMb: number;
}

const run = promisify(execFile);

const START_FAST = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
/** For benches: both compilers, short pauses. */
const STEADY = ['-XX:+UseG1GC', '-XX:MaxGCPauseMillis=10'];

const hasSetpriv =
  process.platform === 'linux' && spawnSync('setpriv', ['--version'], { stdio: 'ignore' }).status === 0;

/** Formats the log folder; `users` log in by SCRAM from the start. */
export async function formatBroker(
  files: BrokerFiles,
  clusterId: string,
  users: Readonly<Record<string, string>>,
): Promise<void> {
  const scram = Object.entries(users).flatMap(([name, password]) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${name},password=${password}]`,
    ]),
  );
  const args = [
    '-Xmx128m',
    ...START_FAST,
    ...(existsSync(classArchive) ? [`-XX:SharedArchiveFile=${classArchive}`] : []),
    `-Dlog4j2.configurationFile=${files.logging}`,
    '-cp',
    kafkaClassPath(),
    'kafka.tools.StorageTool',
    'format',
    '-t',
    clusterId,
    '-c',
    files.properties,
    ...scram,
  ];
  await run('java', args).catch((error: Error & { stdout?: string; stderr?: string }) => {
    const said = `${error.stdout ?? ''}${error.stderr ?? ''}`.slice(-2000);
    throw new Error(`Kafka cannot format its folder:\n${said}`, { cause: error });
  });
}

export function launchBroker(files: BrokerFiles, steady: boolean): Broker {
  const logFile = join(files.folder, 'broker.log');
  writeFileSync(logFile, '');
  const archive = `${classArchive}.${process.pid}`;
  const archives = !existsSync(classArchive);
  const descriptor = openSync(logFile, 'a');
  const java = [
    'java',
    `-Xmx${files.heapMb}m`,
    ...(steady ? STEADY : START_FAST),
    archives ? `-XX:ArchiveClassesAtExit=${archive}` : `-XX:SharedArchiveFile=${classArchive}`,
    '-Xlog:disable',
    '-Xlog:all=error:stderr',
    '-Djava.awt.headless=true',
    `-Dlog4j2.configurationFile=${files.logging}`,
    '-cp',
    kafkaClassPath(),
    'kafka.Kafka',
    files.properties,
  ];
  // The kernel ends it with us, also when a test is killed; a group of its own, so that Ctrl-C reaches us first.
  const command = hasSetpriv ? ['setpriv', '--pdeathsig', 'KILL', ...java] : java;
  const child: ChildProcess = spawn(command[0]!, command.slice(1), {
    stdio: ['ignore', descriptor, descriptor],
    detached: true,
  });
  closeSync(descriptor);
  let ended = false;
  const gone = new Promise<void>((resolve) => {
    const end = (): void => {
      ended = true;
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  });
  const log = (): string => readFileSync(logFile, 'utf8');
  return {
    pid: child.pid!,
    logFile,
    log,
    archives,
    get ended() {
      return ended;
    },
    ready() {
      if (ended) throw new Error(`Kafka ended while it started:\n${log().slice(-2000)}`);
      // Logged once the broker is registered, caught up and unfenced.
      return log().includes('Kafka Server started');
    },
    async stop() {
      if (!ended) child.kill('SIGTERM');
      await gone;
      if (archives && existsSync(archive)) renameSync(archive, classArchive);
    },
    freeze: (frozen) => void child.kill(frozen ? 'SIGSTOP' : 'SIGCONT'),
    async kill() {
      if (!ended) child.kill('SIGKILL');
      await gone;
    },
  };
}
