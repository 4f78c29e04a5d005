/** A service of docker-compose.yml as a process on this machine: its command, its configuration, its environment; folders and addresses are ours. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { read, root, type Service } from './compose-file.ts';

export interface RoleProcess {
  readonly name: string;
  /** What it printed when it had started. */
  readonly told: { readonly api?: string; readonly postgres?: string };
  /** Runs the health check of the image: true for ready, with what it said. */
  health(): { readonly ready: boolean; readonly text: string };
  log(): string;
  /** SIGTERM; resolves with the exit code. */
  end(): Promise<number | null>;
  kill(): void;
}

export interface Place {
  /** Its own: data, and the configuration as it is here. */
  readonly folder: string;
  /** Folders and addresses of the composition, and what they are here. */
  readonly here: ReadonlyMap<string, string>;
  readonly healthPort: number;
  /** Further settings: what a container has for itself and processes share. */
  readonly environment: Readonly<Record<string, string>>;
}

const PROGRAM = join(root, 'main', 'countersign.ts');

/** As often as `restart: unless-stopped` is of use to a test: on a busy machine a store may not answer in time. */
const STARTS_MAX = 4;

export async function startRole(name: string, service: Service, place: Place): Promise<RoleProcess> {
  for (let starts = 1; ; starts += 1) {
    try {
      return await startOnce(name, service, place);
    } catch (error) {
      if (starts === STARTS_MAX || !/UNAVAILABLE|TIMEOUT|UNREACHABLE/.test((error as Error).message))
        throw error;
    }
  }
}

async function startOnce(name: string, service: Service, place: Place): Promise<RoleProcess> {
  const { folder, here, healthPort } = place;
  mkdirSync(folder, { recursive: true });
  const local = (text: string): string =>
    [...here].reduce((result, [there, mine]) => result.replaceAll(there, mine), text);
  const config = join(folder, 'countersign.yml');
  writeFileSync(config, local(read('deploy', 'config', 'countersign.yml')));
  const words = service.command!.map((word) => (word === '/etc/countersign/countersign.yml' ? config : word));
  const environment = Object.fromEntries(
    Object.entries(service.environment!).map(([key, value]) => [key, local(value)]),
  );
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', PROGRAM, ...words, '--json'],
    {
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        ...environment,
        COUNTERSIGN_DATA_FOLDER: join(folder, 'data'),
        COUNTERSIGN_HEALTH__PORT: String(healthPort),
        ...place.environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  let errors = '';
  child.stderr.on('data', (piece: Buffer) => (errors = (errors + piece.toString()).slice(-20_000)));
  const gone = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const told = await new Promise<string>((resolve, reject) => {
    let out = '';
    child.stdout.on('data', (piece: Buffer) => {
      out += piece.toString();
      if (out.trim().endsWith('}')) resolve(out);
    });
    child.once('exit', (code, signal) =>
      reject(new Error(`${name} ended while it started (${code ?? signal}): ${errors.slice(-4000)}`)),
    );
  });
  return {
    name,
    told: JSON.parse(told) as RoleProcess['told'],
    health() {
      const { status, stdout } = spawnSync(process.execPath, [join(root, 'deploy', 'health-check.mjs')], {
        encoding: 'utf8',
        env: { ...process.env, COUNTERSIGN_HEALTH__PORT: String(healthPort) },
      });
      return { ready: status === 0, text: stdout };
    },
    log: () => errors,
    async end() {
      child.kill('SIGTERM');
      const code = await gone;
      process.off('exit', endWithUs);
      return code;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}
