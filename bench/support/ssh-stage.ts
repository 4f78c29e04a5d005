/** A real sshd, a whole installation in front of it, and ssh's configuration for three ways: direct, jump (ssh -J), gateway. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiClient } from '../../cli/api-client.ts';
import { startInstallationProcess } from '../../main/test/support/installation-process.ts';
import { enrolKey } from '../../main/test/support/ssh-key.ts';
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

export async function startSshStage(): Promise<SshStage> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-ssh-'));
  // Logins by the hundred; one connection carries many channels.
  const sshd = await startSshd({ config: ['MaxSessions 100'] });
  const connection = {
    name: 'web',
    protocol: 'ssh',
    host: sshd.host,
    port: sshd.port,
    options: { hostKeys: [...sshd.hostKeys] },
  };
  const credential = { username: sshd.user, privateKey: sshd.privateKey };
  const installation = await startInstallationProcess({ connection, credential }, join(folder, 'data'));
  const { api, listener } = installation;
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
        `HostName ${listener.host}`,
        `Port ${listener.port}`,
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
