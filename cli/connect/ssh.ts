/** ssh, scp, sftp, rsync, git: a Host entry in a file of our own that ssh_config includes, a key, and its certificate. */
import { join } from 'node:path';
import { cliError } from '../errors.ts';
import type { Plan } from './plan.ts';
import type { ConnectWish } from './wish.ts';

/** As ssh_config takes words with spaces. */
const word = (text: string): string => (/[\s"#]/.test(text) ? `"${text.replaceAll('"', '\\"')}"` : text);
/** For the shell. */
const shell = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export interface SshFiles {
  readonly key: string;
  readonly certificate: string;
  readonly knownHosts: string;
  readonly config: string;
  /** Renews a certificate that ends soon. */
  readonly renew: string;
}

export const sshFiles = (home: string, name: string): SshFiles => ({
  key: join(home, 'ssh', 'id_ed25519'),
  // ssh finds it by this name beside its key, but each connection has one of its own.
  certificate: join(home, 'ssh', `${name}-cert.pub`),
  knownHosts: join(home, 'ssh', 'known_hosts'),
  config: join(home, 'ssh', 'hosts', `${name}.conf`),
  renew: join(home, 'ssh', 'renew'),
});

export function planSsh({ connection, home, userHome, program }: ConnectWish, certificate: string): Plan {
  const { name, listener } = connection;
  const files = sshFiles(home, name);
  // ssh knows no escapes in the command of `Match exec`.
  if (/['"\\\n]/.test(home))
    throw cliError('CLI_CONNECT_FAILED', { name, reason: `ssh cannot read paths with quotes: ${home}` });
  const lines = (listener.hostKeys ?? []).map((line) =>
    line.startsWith('@') ? line.replace(' ', ' countersign ') : `countersign ${line}`,
  );
  // The entry is read from the top: what renews the certificate runs before the certificate is read.
  const entry = [
    `Match originalhost ${name} exec "${shell(files.renew).replaceAll('%', '%%')} ${name}"`,
    `  HostName ${listener.host}`,
    `  Port ${listener.port}`,
    `  User ${name}`,
    '  HostKeyAlias countersign',
    `  UserKnownHostsFile ${word(files.knownHosts)}`,
    `  IdentityFile ${word(files.key)}`,
    `  CertificateFile ${word(files.certificate)}`,
    '  IdentitiesOnly yes',
    '',
  ].join('\n');
  return {
    files: [
      { path: files.knownHosts, content: `${lines.join('\n')}\n` },
      {
        path: files.renew,
        mode: 0o700,
        // Whatever comes of it, ssh goes on with the certificate that is there, and says so itself where it has ended.
        content: `#!/bin/sh\n${program.map(shell).join(' ')} connect "$1" --refresh >/dev/null || true\n`,
      },
      { path: files.certificate, content: `${certificate}\n` },
      { path: files.config, content: entry },
    ],
    blocks: [
      {
        path: join(userHome, '.ssh', 'config'),
        mark: 'ssh',
        content: `Include ${word(join(home, 'ssh', 'hosts', '*.conf'))}`,
        atTop: true,
      },
    ],
    note: `ssh ${name}`,
  };
}
