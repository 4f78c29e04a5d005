import { readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Connection } from '../../schemas/api/connections.ts';
import type { SshCertificateAnswer } from '../../schemas/api/ssh.ts';
import type { CliContext, RegisterCommands } from '../context.ts';
import { parseDuration } from '../duration.ts';
import { cliError } from '../errors.ts';
import { issueToken } from '../issue-token.ts';
import { splitNames } from '../options.ts';
import { formatTime } from '../output.ts';
import { readItems } from '../pages.ts';

interface SshListener {
  readonly host: string;
  readonly port: number;
  readonly hostKeys?: readonly string[];
  readonly userAuthority?: string;
}
const listenerOf = (context: CliContext): Promise<SshListener> =>
  context.api().get<SshListener>('/v1/listeners/ssh');

/** One Host entry for each connection, so that `ssh NAME` goes through the gateway. */
function hostEntries(
  listener: SshListener,
  names: readonly string[],
  options: { readonly user: string; readonly key?: string; readonly knownHosts: string },
): string {
  return names
    .map((name) =>
      [
        `Host ${name}`,
        `  HostName ${listener.host}`,
        `  Port ${listener.port}`,
        `  User ${options.user}+${name}`,
        `  HostKeyAlias countersign`,
        `  UserKnownHostsFile ${options.knownHosts}`,
        ...(options.key === undefined ? [] : [`  IdentityFile ${options.key}`, '  IdentitiesOnly yes']),
      ].join('\n'),
    )
    .join('\n\n');
}

const config = (ssh: Command, context: CliContext): void => {
  ssh
    .command('config')
    .description("print Host entries for ssh's configuration, so that `ssh NAME` goes through the gateway")
    .requiredOption('--user <name>', 'who you are at the gateway')
    .option('--key <file>', 'private key to log in with')
    .option('--known-hosts <file>', 'file for the host keys of the gateway', '~/.ssh/countersign_known_hosts')
    .action(async ({ user, key, knownHosts }: { user: string; key?: string; knownHosts: string }) => {
      const listener = await listenerOf(context);
      const connections = await readItems<Connection>(context.api(), '/v1/connections');
      const names = connections.filter(({ protocol }) => protocol === 'ssh').map(({ name }) => name);
      const entries = hostEntries(listener, names, {
        user,
        knownHosts,
        ...(key === undefined ? {} : { key }),
      });
      context.output().value({ listener, entries }, () => entries);
    });
};

const knownHosts = (ssh: Command, context: CliContext): void => {
  ssh
    .command('known-hosts')
    .description("print the gateway's host keys and authority as lines of known_hosts")
    .action(async () => {
      const { hostKeys = [] } = await listenerOf(context);
      const lines = hostKeys.map((line) =>
        line.startsWith('@') ? line.replace(' ', ' countersign ') : `countersign ${line}`,
      );
      context.output().value({ lines }, () => lines.join('\n'));
    });
};

const authority = (ssh: Command, context: CliContext): void => {
  ssh
    .command('authority')
    .description('print the public key that targets trust (TrustedUserCAKeys in their sshd_config)')
    .action(async () => {
      const { userAuthority = '' } = await listenerOf(context);
      context.output().value({ userAuthority }, () => userAuthority);
    });
};

interface CertificateOptions {
  readonly subject: string;
  readonly ttl: string;
  readonly connections: string;
  readonly source?: string;
  readonly command?: string;
}

const certificate = (ssh: Command, context: CliContext): void => {
  ssh
    .command('certificate')
    .description('certify a public key for minutes; writes KEY-cert.pub beside it, where ssh finds it')
    .argument('<file>', 'public key: KEY.pub')
    .requiredOption('--subject <name>', 'account it is for, or an identity id (issuer/subject)')
    .option('--ttl <duration>', 'how long it is good for', '15m')
    .option('--connections <names>', 'connections it may open, by comma; * for all', '*')
    .option('--source <networks>', 'networks it may be used from, by comma')
    .option('--command <text>', 'runs in place of whatever is asked for')
    .action(async (file: string, { subject, ttl, connections, source, command }: CertificateOptions) => {
      const ttlMs = parseDuration(ttl);
      let publicKey: string;
      try {
        publicKey = readFileSync(file, 'utf8').trim();
      } catch (error) {
        throw cliError('CLI_FILE_UNREADABLE', { file, reason: (error as Error).message });
      }
      const api = context.api();
      const { summary } = await issueToken(api, { subject, ttlMs, connections: splitNames(connections) });
      const answer = await api.send<SshCertificateAnswer>('POST', '/v1/ssh/certificates', {
        tokenId: summary.tokenId,
        publicKey,
        ttlMs,
        ...(source === undefined ? {} : { sourceAddress: source }),
        ...(command === undefined ? {} : { forceCommand: command }),
      });
      const written = `${file.replace(/\.pub$/, '')}-cert.pub`;
      writeFileSync(written, `${answer.certificate}\n`);
      context
        .output()
        .value(
          { ...answer, file: written, tokenId: summary.tokenId },
          () =>
            `${written} is good until ${formatTime(answer.expiresAt)} UTC. To end it early: countersign token revoke ${summary.tokenId} --reason ...`,
        );
    });
};

export const registerSsh: RegisterCommands = (program, context) => {
  const ssh = program
    .command('ssh')
    .description('SSH through the gateway: configuration of clients, certificates');
  for (const add of [config, knownHosts, authority, certificate]) add(ssh, context);
};
