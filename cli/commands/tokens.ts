import type { Page } from '../../schemas/api/common.ts';
import type { RevokeTokenAnswer, TokenSummary } from '../../schemas/api/tokens.ts';
import { parseDuration } from '../duration.ts';
import type { RegisterCommands } from '../context.ts';
import { issueToken } from '../issue-token.ts';
import { formatTime, type Column } from '../output.ts';

const COLUMNS: readonly Column<TokenSummary>[] = [
  { title: 'token', cell: (row) => row.tokenId },
  { title: 'identity', cell: (row) => row.identityId },
  { title: 'source', cell: (row) => row.credentialSource },
  { title: 'connections', cell: (row) => row.connections.join(',') },
  { title: 'issued', cell: (row) => formatTime(row.issuedAt) },
  { title: 'expires', cell: (row) => formatTime(row.expiresAt) },
  { title: 'revoked', cell: (row) => formatTime(row.revokedAt) },
];

const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

interface IssueOptions {
  subject: string;
  kind: string;
  ttl: string;
  connections: string;
  groups: string;
  source?: string;
}

export const registerTokens: RegisterCommands = (program, context) => {
  const token = program.command('token').description('tokens of the gateway: issue, list, revoke');

  token
    .command('issue')
    .description('issue a short-lived token; it is shown once')
    .requiredOption('--subject <name>', 'account it is for')
    .option('--kind <kind>', 'human, service_account, workload or ai_agent', 'service_account')
    .option('--ttl <duration>', 'how long it lives', '1h')
    .option('--connections <names>', 'connections it may open, by comma; * for all', '*')
    .option('--groups <names>', 'groups of the account, by comma', '')
    .option('--source <name>', 'credential source: where the token goes (CI repository, vault path)')
    .action(async (options: IssueOptions) => {
      const issued = await issueToken(context.api(), {
        subject: options.subject,
        kind: options.kind,
        groups: list(options.groups),
        connections: list(options.connections),
        ttlMs: parseDuration(options.ttl),
        ...(options.source === undefined ? {} : { credentialSource: options.source }),
      });
      const until = formatTime(issued.summary.expiresAt);
      context
        .output()
        .value(
          issued,
          () => `${issued.token}\n\nFor user ${issued.userName}, until ${until} UTC. It is not shown again.`,
        );
    });

  token
    .command('ls')
    .description('list tokens')
    .option('--identity <id>', 'of one identity')
    .option('--live', 'only those that still work')
    .option('--limit <n>', 'at most so many', '50')
    .action(async (options: { identity?: string; live?: boolean; limit: string }) => {
      const { items } = await context.api().get<Page<TokenSummary>>('/v1/tokens', { ...options });
      context.output().table(items, COLUMNS, 'No tokens.');
    });

  token
    .command('revoke')
    .description('revoke a token for good; its sessions end')
    .argument('<token>', 'token id')
    .requiredOption('--reason <text>', 'why')
    .action(async (id: string, options: { reason: string }) => {
      const answer = await context
        .api()
        .send<RevokeTokenAnswer>('POST', `/v1/tokens/${encodeURIComponent(id)}/revoke`, options);
      context.output().value(answer, () => `Token ${id} is revoked.`);
    });
};
