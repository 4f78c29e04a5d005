/** A real schema registry (Apicurio) with Confluent's API for tests: on loopback, in memory, gone when it stops. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystemClock } from '../../../platform/clock/system-clock.ts';
import { freePorts } from '../../../main/sample-target/free-ports.ts';
import { registryJar } from './jars.ts';

export interface TestRegistry {
  /** Base of Confluent's API. */
  readonly url: string;
  readonly logFile: string;
  /** SIGKILL; what it held is gone. */
  kill9(): Promise<void>;
  /** SIGSTOP: connections stand, nothing answers. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
  stop(): Promise<void>;
}

const READY_MS_MAX = 180_000;
const LOOK_AGAIN_MS = 100;
const hasSetpriv =
  process.platform === 'linux' && spawnSync('setpriv', ['--version'], { stdio: 'ignore' }).status === 0;

interface Running {
  readonly child: ChildProcess;
  readonly gone: Promise<void>;
  readonly ended: boolean;
}

function launch(port: number, logFile: string): Running {
  const java = [
    'java',
    '-Xmx384m',
    '-XX:TieredStopAtLevel=1',
    '-XX:+UseSerialGC',
    '-Dquarkus.http.host=127.0.0.1',
    `-Dquarkus.http.port=${port}`,
    '-jar',
    registryJar(),
  ];
  const descriptor = openSync(logFile, 'a');
  // The kernel ends it with us, also when a test is killed; a group of its own, so that Ctrl-C reaches us first.
  const command = hasSetpriv ? ['setpriv', '--pdeathsig', 'KILL', ...java] : java;
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ['ignore', descriptor, descriptor],
    detached: true,
  });
  closeSync(descriptor);
  const process = { child, ended: false, gone: Promise.resolve() };
  process.gone = new Promise<void>((resolve) => {
    const end = (): void => {
      process.ended = true;
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  });
  return process;
}

/** Resolves when it answers (5 s on a free machine). */
export async function startRegistry(): Promise<TestRegistry> {
  const clock = createSystemClock();
  const folder = mkdtempSync(join(tmpdir(), 'countersign-test-registry-'));
  const logFile = join(folder, 'registry.log');
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
  const running = launch(port!, logFile);
  const { child } = running;
  const endWithUs = (): void => void (!running.ended && child.kill('SIGKILL'));
  process.once('exit', endWithUs);
  const kill9 = async (): Promise<void> => {
    if (!running.ended) child.kill('SIGKILL');
    await running.gone;
  };
  const stop = async (): Promise<void> => {
    process.off('exit', endWithUs);
    await kill9();
    rmSync(folder, { recursive: true, force: true });
  };
  const answers = (): Promise<boolean> =>
    fetch(`${url}/subjects`).then(
      ({ ok }) => ok,
      () => false,
    );
  const until = clock.monotonicUs() + READY_MS_MAX * 1000;
  try {
    while (!(await answers())) {
      if (running.ended || clock.monotonicUs() > until)
        throw new Error(`The registry does not start:\n${readFileSync(logFile, 'utf8').slice(-2000)}`);
      await clock.sleep(LOOK_AGAIN_MS);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    logFile,
    kill9,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    stop,
  };
}
