import type { Approval, Grant } from '../../schemas/api/approvals.ts';
import { parseDuration } from '../duration.ts';
import type { RegisterCommands } from '../context.ts';
import { identityIdOf } from '../issue-token.ts';
import { withLimit } from '../options.ts';
import { formatTime, type Column } from '../output.ts';
import { readItems } from '../pages.ts';

const COLUMNS: readonly Column<Grant>[] = [
  { title: 'grant', cell: (row) => row.grantId },
  { title: 'state', cell: (row) => row.state },
  { title: 'name', cell: (row) => row.name },
  { title: 'who', cell: (row) => row.identityId },
  { title: 'connections', cell: (row) => row.connections.join(',') },
  { title: 'until', cell: (row) => formatTime(row.endedAt ?? row.endsAt) },
  { title: 'ticket', cell: (row) => row.ticket ?? '-' },
];

export const registerGrants: RegisterCommands = (program, context) => {
  const grant = program.command('grant').description('grants: access for a time, that ends by itself');

  grant
    .command('request')
    .description('ask for access for a time; persons decide')
    .argument('<template>', 'grant template of the configuration')
    .argument('<connection>', 'connection')
    .requiredOption('--for <duration>', 'how long: 45m')
    .requiredOption('--reason <text>', 'why')
    .option('--ticket <id>', 'ticket id')
    .option('--identity <id>', 'for another identity, with the scope issue')
    .action(
      async (
        template: string,
        connection: string,
        options: { for: string; reason: string; ticket?: string; identity?: string },
      ) => {
        const answer = await context.api().send<Approval>('POST', '/v1/grants', {
          template,
          connection,
          durationMs: parseDuration(options.for),
          reason: options.reason,
          ...(options.ticket === undefined ? {} : { ticket: options.ticket }),
          ...(options.identity === undefined ? {} : { identity: identityIdOf(options.identity) }),
        });
        context
          .output()
          .value(
            answer,
            () => `Approval ${answer.approvalId} is asked for; the grant begins when it is given.`,
          );
      },
    );
  withLimit(
    grant
      .command('ls')
      .description('list grants in force')
      .option('--all', 'also ended ones')
      .option('--identity <id>', 'of one identity (or account of the gateway)'),
  ).action(async ({ all, identity, limit }: { all?: boolean; identity?: string; limit: number }) => {
    const query = {
      active: all !== true,
      identity: identity === undefined ? undefined : identityIdOf(identity),
    };
    const items = await readItems<Grant>(context.api(), '/v1/grants', query, limit);
    context.output().table(items, COLUMNS, 'No grants in force.');
  });
  grant
    .command('end')
    .description('end a grant before its time; its sessions end')
    .argument('<grant>', 'grant id')
    .requiredOption('--reason <text>', 'why')
    .action(async (id: string, { reason }: { reason: string }) => {
      const answer = await context
        .api()
        .send<Grant>('POST', `/v1/grants/${encodeURIComponent(id)}/end`, { reason });
      context.output().value(answer, () => `Grant ${id} has ended.`);
    });
};
