/** `countersign sql CONNECTION`: a small PostgreSQL client for machines without psql. */
import pg from 'pg';
import type { CliContext, RegisterCommands } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { issueToken } from '../issue-token.ts';
import { converse } from '../sql/converse.ts';
import { printError, printResult, type PgError } from '../sql/print.ts';

const TOKEN_TTL_MS = 3_600_000;

interface SqlOptions {
  command?: string;
  subject?: string;
}

/** `cst_TOKENID_SECRET` (gateway/access/token-format.ts). */
const TOKEN = /^cst_([0-9a-z]+)_/;

async function findLogin(
  context: CliContext,
  connection: string,
  { subject = 'local' }: SqlOptions,
): Promise<{ user: string; password: string }> {
  const given = context.environment['COUNTERSIGN_TOKEN'];
  if (given !== undefined) {
    const tokenId = TOKEN.exec(given)?.[1];
    return {
      user: tokenId === undefined || subject.includes('#') ? subject : `${subject}#${tokenId}`,
      password: given,
    };
  }
  const issued = await issueToken(context.api(), {
    subject,
    connections: [connection],
    ttlMs: TOKEN_TTL_MS,
  });
  return { user: issued.userName, password: issued.token };
}

/** What a person reads is what PostgreSQL wrote; programs get numbers, booleans and null as such. */
const AS_TEXT = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig;

async function runStatement(client: pg.Client, sql: string, context: CliContext): Promise<boolean> {
  try {
    const results = (await client.query({ text: sql, rowMode: 'array' })) as unknown as
      | pg.QueryArrayResult
      | pg.QueryArrayResult[];
    for (const result of Array.isArray(results) ? results : [results])
      printResult(result, context.output(), context.stdout.columns);
    return true;
  } catch (error) {
    printError(error, context);
    return false;
  }
}

export const registerSql: RegisterCommands = (program, context) => {
  program
    .command('sql')
    .description('a small PostgreSQL client, for machines without psql; statements from standard input')
    .argument('<connection>', 'connection name')
    .option('-c, --command <sql>', 'run this and end')
    .option(
      '--subject <name>',
      'account to log in as, `local` where absent. The token comes from COUNTERSIGN_TOKEN; without one, it is issued here',
    )
    .action(async (connection: string, options: SqlOptions) => {
      const listener = await context
        .api()
        .get<{ host: string; port: number; tls: boolean; ca: string | null }>('/v1/listeners/postgres');
      const client = new pg.Client({
        host: listener.host,
        port: listener.port,
        ...(await findLogin(context, connection, options)),
        database: connection,
        application_name: 'countersign-sql',
        ssl: listener.tls ? (listener.ca === null ? {} : { ca: listener.ca }) : false,
        ...(context.output().json ? {} : { types: AS_TEXT }),
      });
      let lost: Error | undefined;
      client.on('error', (error) => {
        lost = error;
      });
      client.on('notice', (notice) => printError(notice, context));
      try {
        await client.connect();
      } catch (error) {
        const { message, code, detail, hint } = error as PgError;
        const known = code ?? /\[code ([A-Z_]+)\]/.exec(message)?.[1];
        throw cliError('CLI_LOGIN_FAILED', {
          reason: [known === undefined ? message : `${message} (${known})`, detail, hint]
            .filter((part) => part !== undefined)
            .join('. '),
        });
      }
      const run = (sql: string): Promise<boolean> => runStatement(client, sql, context);
      try {
        const fine =
          options.command === undefined
            ? await converse(context, connection, { run, lost: () => lost })
            : await run(options.command);
        if (lost !== undefined) throw cliError('CLI_SESSION_ENDED', { reason: lost.message });
        if (!fine) process.exitCode = EXIT.failed;
      } finally {
        await client.end().catch(() => undefined);
      }
    });
};
