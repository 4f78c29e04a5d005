/** The real command line as processes, and an installation that one of them started. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until, type Patience } from '../../test/support/until.ts';

const PROGRAM = new URL('../../main/countersign.ts', import.meta.url).pathname;
/** A look may be a command of its own. */
export const PATIENCE: Patience = { mostMs: 120_000, pauseMs: 100 };

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Working folder. */
  readonly cwd?: string;
}

/** Settings of ours in the environment of the tests must not reach the commands. */
export const cleanEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('COUNTERSIGN_'),
    ),
  );

export interface Started {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  printed(): string;
  readonly ended: Promise<Ended>;
}

export function start(words: readonly string[], { input, environment, cwd }: RunOptions = {}): Started {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, ...words], {
    env: { ...cleanEnvironment(), ...environment },
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  // A command that does not read may be gone before its input is written.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, out, err })));
  return { child, printed: () => out, ended };
}

export interface Installation {
  readonly folder: string;
  readonly configFile: string;
  readonly pid: number;
  configure(text: string): void;
  run(words: readonly string[], options?: RunOptions): Promise<Ended>;
  start(words: readonly string[], options?: RunOptions): Started;
  /** Runs it with --json, expects success, and reads the answer. */
  json<T>(...words: string[]): Promise<T>;
  log(): string;
  stop(): Promise<Ended>;
}

/** `countersign up --config FILE` in a folder of its own. `text`: more of its configuration. */
export async function startInstallation(text = ''): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-cli-'));
  const configFile = join(folder, 'countersign.yaml');
  const environment = {
    COUNTERSIGN_DATA_FOLDER: join(folder, 'data'),
    COUNTERSIGN_CONTROL_API__PORT: '0',
  };
  const configure = (text: string): void => writeFileSync(configFile, text);
  configure(`logLevel: info\n${text}`);
  const service = start(['up', '--config', configFile], { environment });
  let over: Ended | undefined;
  service.ended.then((ended) => (over = ended)).catch(() => undefined);
  await until(
    'the installation has started',
    () => {
      assert.equal(over, undefined, 'the installation ended while it started');
      return service.printed().includes('Ctrl-C ends it');
    },
    PATIENCE,
  );
  const begin = (words: readonly string[], options: RunOptions = {}): Started =>
    start(words, { ...options, environment: { ...environment, ...options.environment } });
  return {
    folder,
    configFile,
    pid: service.child.pid!,
    configure,
    start: begin,
    run: (words, options) => begin(words, options).ended,
    async json<T>(...words: string[]) {
      const { code, out, err } = await begin([...words, '--json']).ended;
      assert.equal(code, 0, `${words.join(' ')}: ${err}`);
      return JSON.parse(out) as T;
    },
    log: () => service.printed(),
    async stop() {
      service.child.kill('SIGINT');
      const ended = await service.ended;
      rmSync(folder, { recursive: true, force: true });
      return ended;
    },
  };
}

export const readLines = (file: string): string[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
