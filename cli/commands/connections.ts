import type { RegisterCommands } from '../context.ts';

interface ConnectionRow {
  name: string;
  protocol: string;
  host: string;
  port: number;
}

export const registerConnections: RegisterCommands = (program, context) => {
  const connection = program.command('connection').description('configured targets');
  connection
    .command('ls')
    .description('list connections')
    .action(async () => {
      const { connections } = await context.api().get<{ connections: ConnectionRow[] }>('/v1/connections');
      context.output().table(
        connections,
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
        .send<{ ok: boolean; detail: string }>('POST', `/v1/connections/${encodeURIComponent(name)}/check`);
      context.output().value(answer, () => `${name}: ${answer.detail}`);
    });
};
