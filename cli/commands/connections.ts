import type { Page } from '../../schemas/api/common.ts';
import type { Connection, ConnectionCheck } from '../../schemas/api/connections.ts';
import type { RegisterCommands } from '../context.ts';
import { EXIT } from '../exit-codes.ts';

export const registerConnections: RegisterCommands = (program, context) => {
  const connection = program.command('connection').description('configured targets');
  connection
    .command('ls')
    .description('list connections')
    .action(async () => {
      const { items } = await context.api().get<Page<Connection>>('/v1/connections');
      context.output().table(
        items,
        [
          { title: 'connection', cell: (row) => row.name },
          { title: 'protocol', cell: (row) => row.protocol },
          { title: 'target', cell: (row) => `${row.host}:${row.port}` },
        ],
        'No connections.',
      );
    });
  connection
    .command('check')
    .description('log in to the target with the credential in the vault')
    .argument('<name>', 'connection')
    .action(async (name: string) => {
      const answer = await context
        .api()
        .send<ConnectionCheck>('POST', `/v1/connections/${encodeURIComponent(name)}/check`);
      context
        .output()
        .value(answer, () =>
          answer.steps.map((step) => `${step.ok ? 'ok ' : 'NOT'}  ${step.step}: ${step.detail}`).join('\n'),
        );
      if (!answer.ok) process.exitCode = EXIT.failed;
    });
};
