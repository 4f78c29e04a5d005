/** A real sshd, a whole installation in front of it, and ssh's configuration for three ways: direct, jump (ssh -J), gateway. */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiClient, type ApiClient } from '../../cli/api-client.ts';
import { enrolKey } from '../../main/test/support/ssh-key.ts';
import type { TestTarget } from '../../main/test/support/target.ts';
import { startSshd, type TestSshd } from '../../test/servers/sshd/sshd.ts';

export const WAYS = ['direct', 'jump', 'gateway'] as const;
export type Way = (typeof WAYS)[number];

export interface SshStage {
  readonly sshd: TestSshd;
  /** Of the installation, which runs in a process of its own. */
  readonly api: ApiClient;
  readonly folder: string;
  /** `ssh -F CONFIG direct|jump|gateway`. */
  readonly config: string;
  stop(): Promise<void>;
}

export type SshWorkerOrder = Pick<TestTarget, 'connection' | 'credential'>;
export interface SshWorkerAnswer {
  readonly host: string;
  readonly port: number;
  readonly apiUrl: string;
  readonly apiToken: string;
}

/** As main/launch.mjs starts one. */
async function startInstallation(
  order: SshWorkerOrder,
): Promise<SshWorkerAnswer & { stop(): Promise<void> }> {
  const child = fork(join(import.meta.dirname, 'ssh-worker.ts'), {
    execArgv: ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const gone = new Promise<number | null>((resolve) => {
    child.once('exit', resolve);
  });
  const answer = await new Promise<SshWorkerAnswer>((resolve, reject) => {
    child.once('message', (message) => resolve(message as SshWorkerAnswer));
    gone.then((code) => reject(new Error(`the installation ended with ${code}`))).catch(() => undefined);
    child.send(order);
  });
  return {
    ...answer,
    async stop() {
      child.disconnect();
      await gone;
    },
  };
}

export async function startSshStage(): Promise<SshStage> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-ssh-'));
  // Logins by the hundred; one connection carries many channels.
  const sshd = await startSshd({ config: ['MaxSessions 100'] });
  const installation = await startInstallation({
    connection: {
      name: 'web',
      protocol: 'ssh',
      host: sshd.host,
      port: sshd.port,
      options: { hostKeys: [...sshd.hostKeys] },
    },
    credential: { username: sshd.user, privateKey: sshd.privateKey } as never,
  });
  const api = createApiClient({ url: installation.apiUrl, token: installation.apiToken });
  const key = join(folder, 'key');
  await enrolKey(api, key, 'bench');
  const targetKey = join(folder, 'target-key');
  writeFileSync(targetKey, sshd.privateKey, { mode: 0o600 });
  const config = join(folder, 'config');
  const common = [
    'IdentitiesOnly yes',
    'BatchMode yes',
    'StrictHostKeyChecking no',
    'UserKnownHostsFile /dev/null',
    'LogLevel ERROR',
  ];
  const target = [
    `HostName ${sshd.host}`,
    `Port ${sshd.port}`,
    `User ${sshd.user}`,
    `IdentityFile ${targetKey}`,
  ];
  const entry = (name: string, lines: readonly string[]): string =>
    [`Host ${name}`, ...lines, ...common].join('\n  ');
  writeFileSync(
    config,
    [
      entry('direct', target),
      entry('bastion', target),
      entry('jump', [...target, 'ProxyJump bastion']),
      entry('gateway', [
        `HostName ${installation.host}`,
        `Port ${installation.port}`,
        'User web',
        `IdentityFile ${key}`,
      ]),
      '',
    ].join('\n'),
  );
  return {
    sshd,
    api,
    folder,
    config,
    async stop() {
      await installation.stop();
      await sshd.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
