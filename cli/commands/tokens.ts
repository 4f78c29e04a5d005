import { parseDuration } from '../duration.ts';
import type { RegisterCommands } from '../context.ts';
import { formatTime, type Column } from '../output.ts';

interface TokenRow {
  tokenId: string;
  identityId: string;
  kind: string;
  credentialSource: string | null;
  connections: string[];
  issuedAt: number;
  expiresAt: number;
  revokedAt: number | null;
}

const COLUMNS: readonly Column<TokenRow>[] = [
  { title: 'token', cell: (row) => row.tokenId },
  { title: 'identity', cell: (row) => row.identityId },
  { title: 'kind', cell: (row) => row.kind },
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
    .option(
      '--source <name>',
      'credential source: where the token goes (CI repository and environment, vault path)',
    )
    .action(
      async (options: {
        subject: string;
        kind: string;
        ttl: string;
        connections: string;
        groups: string;
        source?: string;
      }) => {
        const issued = await context
          .api()
          .send<{ token: string; tokenId: string; expiresAt: number }>('POST', '/v1/tokens', {
            subject: options.subject,
            kind: options.kind,
            ttlMs: parseDuration(options.ttl),
            connections: list(options.connections),
            groups: list(options.groups),
            ...(options.source === undefined ? {} : { credentialSource: options.source }),
          });
        context
          .output()
          .value(
            issued,
            () =>
              `${issued.token}\n\nToken ${issued.tokenId} for ${options.subject}, until ${formatTime(issued.expiresAt)} UTC. It is not shown again.`,
          );
      },
    );

  token
    .command('ls')
    .description('list tokens')
    .option('--identity <id>', 'of one identity')
    .option('--limit <n>', 'at most so many', '50')
    .action(async (options: { identity?: string; limit: string }) => {
      const { tokens } = await context.api().get<{ tokens: TokenRow[] }>('/v1/tokens', { ...options });
      context.output().table(tokens, COLUMNS, 'No tokens.');
    });

  token
    .command('revoke')
    .description('revoke a token for good; its sessions end')
    .argument('<token>', 'token id')
    .requiredOption('--reason <text>', 'why')
    .action(async (id: string, options: { reason: string }) => {
      const answer = await context
        .api()
        .send<{ state: string }>('POST', `/v1/tokens/${encodeURIComponent(id)}/revoke`, {
          reason: options.reason,
        });
      context.output().value(answer, () => `Token ${id} is revoked (${answer.state.replace('_', ' ')}).`);
    });
};
