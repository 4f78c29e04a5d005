/**
 * The real OPA (Open Policy Agent), built once from its Go module into the user's cache folder (about 8 minutes, cold). OPA_BINARY
 * names another one. For tests of bundles, of its REST API, and for `npm run server -- opa`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createSystemClock } from '../../platform/clock/system-clock.ts';
import { cacheFolder } from './cache-folder.ts';
import { freePorts } from '../../main/sample-target/free-ports.ts';

const VERSION = 'v1.22.2';
const MODULE = `github.com/open-policy-agent/opa@${VERSION}`;
const BUILD_MS = 25 * 60_000;

const works = (file: string): boolean =>
  existsSync(file) && spawnSync(file, ['version'], { stdio: 'ignore' }).status === 0;

const cached = (): string => cacheFolder('opa', VERSION, 'opa');

/** The binary where it is here already. */
export function findOpa(): string | undefined {
  return [process.env['OPA_BINARY'] ?? '', cached()].find((file) => file !== '' && works(file));
}

export const hasGo = (): boolean => spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0;

/** The binary, built first where Go is here and it was not; undefined where it cannot be had. */
export function bringOpa(): string | undefined {
  const found = findOpa();
  if (found !== undefined) return found;
  if (!hasGo()) return undefined;
  const folder = dirname(cached());
  // Beside its place, and moved there whole: two builds at a time do not see each other's halves.
  const own = join(folder, `build-${process.pid}`);
  mkdirSync(own, { recursive: true });
  process.stderr.write(`Building OPA ${VERSION} from its Go module; that takes some minutes, once.\n`);
  try {
    const built = spawnSync('go', ['install', MODULE], {
      env: { ...process.env, GOBIN: own, GOFLAGS: '-buildvcs=false', CGO_ENABLED: '0' },
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: BUILD_MS,
    });
    if (built.status !== 0) return undefined;
    if (!works(cached())) renameSync(join(own, 'opa'), cached());
    return cached();
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

export interface TestOpa {
  readonly binary: string;
  readonly url: string;
  /** What it printed. */
  log(): string;
  /** Stops it as a crash would. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** A server over a bundle (tar.gz, or a folder of Rego), on loopback; resolves when it answers. */
export async function startOpa(
  policy: string,
  options: { readonly port?: number; readonly args?: readonly string[] } = {},
): Promise<TestOpa> {
  const clock = createSystemClock();
  const binary = bringOpa();
  if (binary === undefined) throw new Error('OPA cannot be had: there is no Go on this machine');
  const port = options.port ?? (await freePorts(1))[0]!;
  const child = spawn(
    binary,
    [
      'run',
      '--server',
      '--addr',
      `127.0.0.1:${port}`,
      '--skip-version-check',
      '-b',
      policy,
      ...(options.args ?? []),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let printed = '';
  const keep = (chunk: Buffer): void => void (printed = (printed + chunk.toString()).slice(-200_000));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const over = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await over;
  };
  const endUs = clock.monotonicUs() + 60e6;
  for (;;) {
    const up = await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (up) break;
    if (child.exitCode !== null || clock.monotonicUs() > endUs) {
      await end('SIGKILL');
      throw new Error(`OPA did not start: ${printed.slice(-2000)}`);
    }
    await clock.sleep(50);
  }
  return { binary, url, log: () => printed, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}
