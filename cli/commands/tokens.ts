import type { Command } from 'commander';
import type { IntrospectAnswer } from '../../schemas/api/exchange.ts';
import type { RevokeTokenAnswer, TokenSummary } from '../../schemas/api/tokens.ts';
import { parseDuration } from '../duration.ts';
import type { RegisterCommands } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { identityIdOf, issueToken } from '../issue-token.ts';
import { choice, IDENTITY_KINDS, splitNames, withLimit } from '../options.ts';
import { formatFields, formatTime, type Column } from '../output.ts';
import { readItems } from '../pages.ts';

const COLUMNS: readonly Column<TokenSummary>[] = [
  { title: 'token', cell: (row) => row.tokenId },
  { title: 'identity', cell: (row) => row.identityId },
  { title: 'source', cell: (row) => row.credentialSource ?? '-' },
  { title: 'issued', cell: (row) => formatTime(row.issuedAt) },
  { title: 'by', cell: (row) => row.issuedBy },
  { title: 'expires', cell: (row) => formatTime(row.expiresAt) },
  { title: 'revoked', cell: (row) => formatTime(row.revokedAt) || '-' },
  { title: 'connections', cell: (row) => row.connections.join(',') },
];

interface IssueOptions {
  subject: string;
  kind?: string;
  ttl: string;
  connections: string;
  groups?: string;
  source?: string;
  sshKey?: string;
}

const issue: RegisterCommands = (token, context) => {
  token
    .command('issue')
    .description('issue a short-lived token; it is shown once. An account that is not known yet is made')
    .requiredOption('--subject <name>', 'account it is for, or an identity id (issuer/subject)')
    .addOption(choice('--kind <kind>', 'kind of the account; human for a new one', IDENTITY_KINDS))
    .option('--ttl <duration>', 'how long it lives', '1h')
    .option('--connections <names>', 'connections it may open, by comma; * for all', '*')
    .option('--groups <names>', 'groups of the account, by comma; without it they stay as they are')
    .option('--source <name>', 'credential source: where the token goes (CI repository, vault path)')
    .option(
      '--ssh-key <fingerprint>',
      'SSH: a public key that opens what the token opens (ssh-keygen -l shows SHA256:...)',
    )
    .action(async (options: IssueOptions) => {
      const issued = await issueToken(context.api(), {
        subject: options.subject,
        connections: splitNames(options.connections),
        ttlMs: parseDuration(options.ttl),
        ...(options.kind === undefined ? {} : { kind: options.kind }),
        ...(options.groups === undefined ? {} : { groups: splitNames(options.groups) }),
        ...(options.source === undefined ? {} : { credentialSource: options.source }),
        ...(options.sshKey === undefined ? {} : { attributes: { ssh_key: options.sshKey } }),
      });
      const until = formatTime(issued.summary.expiresAt);
      context
        .output()
        .value(
          issued,
          () =>
            `${issued.token}\n\nUser name: ${issued.userName}\nUntil:     ${until} UTC\nIt is not shown again.`,
        );
    });
};

export const registerTokens: RegisterCommands = (program, context) => {
  const token: Command = program
    .command('token')
    .description('tokens of the gateway: issue, list, check, revoke');
  issue(token, context);

  withLimit(
    token
      .command('ls')
      .description('list tokens')
      .option('--identity <id>', 'of one identity (or account of the gateway)')
      .option('--live', 'only those that still work'),
  ).action(async ({ limit, live, identity }: { identity?: string; live?: boolean; limit: number }) => {
    const query = { live, identity: identity === undefined ? undefined : identityIdOf(identity) };
    const items = await readItems<TokenSummary>(context.api(), '/v1/tokens', query, limit);
    context.output().table(items, COLUMNS, 'No tokens.');
  });

  token
    .command('check')
    .description('what a token is good for now; it is read from standard input or COUNTERSIGN_TOKEN')
    .action(async () => {
      let text = context.environment['COUNTERSIGN_TOKEN'] ?? '';
      if (text === '') for await (const piece of context.stdin) text += String(piece);
      const form = new URLSearchParams({ token: text.trim() });
      const found = await context
        .api()
        .sendText<IntrospectAnswer>(
          'POST',
          '/v1/tokens/introspect',
          'application/x-www-form-urlencoded',
          form.toString(),
        );
      if (!found.active) process.exitCode = EXIT.failed;
      context.output().value(found, () =>
        found.active
          ? formatFields([
              ['token', found.jti ?? ''],
              ['identity', found.sub ?? ''],
              ['groups', found.groups?.join(', ') ?? ''],
              ['source', found.credential_source ?? ''],
              ['connections', found.connections?.join(', ') ?? ''],
              ['on behalf of', found.on_behalf_of?.join(', ') ?? ''],
              ['until', found.exp === undefined ? '' : `${formatTime(found.exp * 1000)} UTC`],
            ])
          : 'It opens nothing: not a token of this gateway, or it has ended.',
      );
    });

  token
    .command('revoke')
    .description('revoke a token for good; its sessions end')
    .argument('<token>', 'token id')
    .requiredOption('--reason <text>', 'why')
    .action(async (id: string, options: { reason: string }) => {
      const answer = await context
        .api()
        .send<RevokeTokenAnswer>('POST', `/v1/tokens/${encodeURIComponent(id)}/revoke`, {
          reason: options.reason,
        });
      context.output().value(answer, () => `Token ${id} is revoked.`);
    });
};
