/** Real clients against the gateway: a folder with their keys and configuration, and how to run them. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fingerprintOf, blobOfLine } from '../keys/public-key.ts';
import type { TestGateway } from './gateway.ts';

export interface Ran {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface Clients {
  readonly folder: string;
  /** ssh's configuration file: `ssh -F CONFIG target`. */
  readonly config: string;
  /** Runs a program to its end; `input` goes to its standard input. */
  run(program: string, args: readonly string[], input?: Buffer | string): Promise<Ran>;
  /** `ssh target ...`. */
  ssh(args: readonly string[], input?: Buffer | string): Promise<Ran>;
  /** Starts one and leaves it running. */
  start(program: string, args: readonly string[]): ChildProcess;
  close(): void;
}

/** Makes a key that is bound to the robot's token, and a Host entry `target`. */
export function createClients(gateway: TestGateway, extra: readonly string[] = []): Clients {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-test-ssh-'));
  const key = join(folder, 'key');
  spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  gateway.boundKeys.add(fingerprintOf(blobOfLine(readFileSync(`${key}.pub`, 'utf8'))!));
  const known = join(folder, 'known_hosts');
  writeFileSync(
    known,
    gateway.hostKeys
      .filter((line) => !line.startsWith('@'))
      .map((line) => `[${gateway.host}]:${gateway.port} ${line}\n`)
      .join(''),
  );
  const config = join(folder, 'config');
  writeFileSync(
    config,
    [
      'Host target',
      `  HostName ${gateway.host}`,
      `  Port ${gateway.port}`,
      '  User robot+main',
      `  IdentityFile ${key}`,
      '  IdentitiesOnly yes',
      `  UserKnownHostsFile ${known}`,
      '  GlobalKnownHostsFile /dev/null',
      '  StrictHostKeyChecking yes',
      '  BatchMode yes',
      ...extra.map((line) => `  ${line}`),
      '',
    ].join('\n'),
  );
  const children = new Set<ChildProcess>();
  const start = (program: string, args: readonly string[]): ChildProcess => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, HOME: folder },
    });
    children.add(child);
    child.once('exit', () => children.delete(child));
    child.stdin.on('error', () => undefined);
    return child;
  };
  const run: Clients['run'] = (program, args, input) =>
    new Promise((resolve, reject) => {
      const child = start(program, args);
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      child.stdout!.on('data', (bytes: Buffer) => out.push(bytes));
      child.stderr!.on('data', (bytes: Buffer) => err.push(bytes));
      child.once('error', reject);
      child.once('close', (status) =>
        resolve({ status, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() }),
      );
      child.stdin!.end(input ?? '');
    });
  return {
    folder,
    config,
    run,
    start,
    ssh: (args, input) => run('ssh', ['-F', config, ...args], input),
    close() {
      for (const child of children) child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
