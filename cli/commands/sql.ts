/** `countersign sql CONNECTION`: a small PostgreSQL client for machines without psql. */
import { createInterface } from 'node:readline';
import pg from 'pg';
import type { CliContext, RegisterCommands } from '../context.ts';
import { cliError } from '../errors.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { issueToken } from '../issue-token.ts';
import { createOutput, type Output } from '../output.ts';

const ROWS_SHOWN_MAX = 1000;
const TOKEN_TTL_MS = 3_600_000;

interface PgError {
  message: string;
  code?: string;
  detail?: string;
  hint?: string;
}

function printError(error: unknown, context: CliContext): void {
  const { message, code, detail, hint } = error as PgError;
  context.stderr.write(`ERROR${code === undefined ? '' : ` ${code}`}: ${message}\n`);
  for (const [name, text] of [
    ['DETAIL', detail],
    ['HINT', hint],
  ])
    if (text !== undefined) context.stderr.write(`${name}: ${text}\n`);
}

function printResult(result: pg.QueryArrayResult, output: Output): void {
  if (output.json) {
    output.value({ command: result.command, rowCount: result.rowCount, rows: result.rows }, () => '');
    return;
  }
  const columns = result.fields.map((field, index) => ({
    title: field.name,
    cell: (row: unknown[]): string => {
      const value = row[index];
      if (value === null) return '';
      if (value instanceof Date) return value.toISOString();
      return typeof value === 'string' ? value : JSON.stringify(value);
    },
  }));
  if (columns.length > 0)
    output.table(result.rows.slice(0, ROWS_SHOWN_MAX) as unknown[][], columns, '(no rows)');
  const more = result.rows.length > ROWS_SHOWN_MAX ? `, the first ${ROWS_SHOWN_MAX} shown` : '';
  output.line(
    columns.length > 0
      ? `(${result.rows.length} rows${more})`
      : `${result.command} ${result.rowCount ?? ''}`.trim(),
  );
}

async function runStatement(client: pg.Client, sql: string, context: CliContext): Promise<boolean> {
  try {
    const results = (await client.query({ text: sql, rowMode: 'array' })) as unknown as
      | pg.QueryArrayResult
      | pg.QueryArrayResult[];
    for (const result of Array.isArray(results) ? results : [results]) printResult(result, context.output());
    return true;
  } catch (error) {
    printError(error, context);
    return false;
  }
}

export const registerSql: RegisterCommands = (program, context) => {
  program
    .command('sql')
    .description('a small PostgreSQL client, for machines without psql')
    .argument('<connection>', 'connection name')
    .option('-c, --command <sql>', 'run this and end')
    .option(
      '--subject <name>',
      'account to log in as; the token comes from COUNTERSIGN_TOKEN. Without a token, one is issued for `local`',
    )
    .action(async (connection: string, options: { command?: string; subject?: string }) => {
      const listener = await context
        .api()
        .get<{ host: string; port: number; tls: boolean; ca: string | null }>('/v1/listeners/postgres');
      const given = context.environment['COUNTERSIGN_TOKEN'];
      const subject = options.subject ?? 'local';
      const password =
        given ??
        (
          await issueToken(context.api(), {
            subject,
            kind: 'human',
            groups: [],
            connections: [connection],
            ttlMs: TOKEN_TTL_MS,
          })
        ).token;
      const client = new pg.Client({
        host: listener.host,
        port: listener.port,
        user: subject,
        password,
        database: connection,
        application_name: 'countersign-sql',
        ssl: listener.tls ? (listener.ca === null ? {} : { ca: listener.ca }) : false,
      });
      let lost: Error | undefined;
      client.on('error', (error) => {
        lost = error;
      });
      try {
        await client.connect();
      } catch (error) {
        const { message, code, hint } = error as PgError;
        if (code === undefined) throw cliError('CLI_LOGIN_FAILED', { reason: message });
        throw new CliError(code, message, hint ?? '', EXIT.notAllowed);
      }
      try {
        if (options.command !== undefined) {
          if (!(await runStatement(client, options.command, context))) process.exitCode = EXIT.failed;
          return;
        }
        await converse(client, context, connection, () => lost);
      } finally {
        await client.end().catch(() => undefined);
      }
    });
};

async function converse(
  client: pg.Client,
  context: CliContext,
  connection: string,
  lost: () => Error | undefined,
): Promise<void> {
  const lines = createInterface({
    input: context.stdin,
    output: context.stdout,
    prompt: `${connection}=> `,
    terminal: context.stdin.isTTY,
  });
  createOutput(false, (text) => void context.stdout.write(text)).line(
    'Statements end with ; — \\q or Ctrl-D ends.',
  );
  lines.prompt();
  let statement = '';
  for await (const line of lines) {
    if (line.trim() === '\\q') break;
    statement += `${line}\n`;
    if (statement.trim() === '') statement = '';
    if (line.trimEnd().endsWith(';')) {
      await runStatement(client, statement, context);
      statement = '';
      const error = lost();
      if (error !== undefined) throw cliError('CLI_SESSION_ENDED', { reason: error.message });
    }
    lines.setPrompt(statement === '' ? `${connection}=> ` : `${connection}-> `);
    lines.prompt();
  }
  lines.close();
}
