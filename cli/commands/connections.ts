import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Connection, ConnectionCheck } from '../../schemas/api/connections.ts';
import type { CliContext, RegisterCommands } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { choice, readCount } from '../options.ts';
import { formatFields } from '../output.ts';
import { readItems } from '../pages.ts';

const pathOf = (name: string): string => `/v1/connections/${encodeURIComponent(name)}`;

interface AddOptions {
  host: string;
  port: number;
  protocol: string;
  database?: string;
  role: string;
  tls: string;
  ca?: string;
  passwordEnv?: string;
  passwordFile?: string;
  vault?: string;
  privateKeyFile?: string;
  gatewayCertificate?: boolean;
  options?: string;
}

function readFile(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw cliError('CLI_FILE_UNREADABLE', { file: path, reason: (error as Error).message });
  }
}

/** Passwords come from a file or a variable, never from the command line, where everybody on the machine could read them. */
function readCredential(
  { passwordEnv, passwordFile, vault, privateKeyFile, gatewayCertificate }: AddOptions,
  environment: CliContext['environment'],
): object {
  if (vault !== undefined) return { credential: { vault } };
  if (gatewayCertificate === true) return { credential: { certificate: 'gateway-ca' } };
  if (privateKeyFile !== undefined) return { credential: { privateKey: readFile(privateKeyFile) } };
  let password: string | undefined;
  if (passwordFile !== undefined) password = readFile(passwordFile).split(/\r?\n/)[0];
  else if (passwordEnv !== undefined) password = environment[passwordEnv];
  else return {};
  if (password === undefined || password === '')
    throw cliError('CLI_NO_PASSWORD', { place: passwordFile ?? passwordEnv ?? '' });
  return { credential: { password } };
}

function readObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Said below.
  }
  throw cliError('CLI_OPTIONS_INVALID', {});
}

function describe(connection: Connection): string {
  return formatFields([
    ['connection', connection.name],
    ['protocol', connection.protocol],
    ['target', `${connection.host}:${connection.port}`],
    ['database', connection.database],
    ['role', connection.role],
    ['tls', connection.tls],
    ['certificate authority', connection.ca === undefined || connection.ca === null ? '' : 'its own'],
    ...Object.entries(connection.labels),
  ]);
}

const add = (connection: Command, context: CliContext): void => {
  connection
    .command('add')
    .description('make or change a connection; its password goes into the vault of the gateway')
    .argument('<name>', 'name that clients use as the database name')
    .requiredOption('--host <name>', 'host of the target')
    .option('--port <n>', 'port of the target', readCount, 5432)
    .option('--protocol <name>', 'protocol', 'postgres')
    .option('--database <name>', 'database of the target')
    .requiredOption('--role <name>', 'account that the gateway uses there')
    .addOption(
      choice('--tls <mode>', 'how the target is checked; disable only on loopback', [
        'verify-full',
        'verify-ca',
        'disable',
      ]).default('verify-full'),
    )
    .option('--ca <file>', 'certificate authority of the target, PEM')
    .option('--password-file <file>', 'file with the password in its first line; - for standard input')
    .option('--password-env <variable>', 'variable that holds the password')
    .option('--vault <path>', 'path in the vault where the password is already')
    .option('--private-key-file <file>', 'SSH: private key that the target knows; - for standard input')
    .option(
      '--gateway-certificate',
      'SSH: the target trusts the authority of the gateway (countersign ssh authority)',
    )
    .option('--options <json>', 'options of the protocol, as a JSON object (docs/configuration.md)')
    .action(async (name: string, options: AddOptions) => {
      const { host, port, protocol, database, role, tls, ca, options: more } = options;
      const made = await context.api().send<Connection>('PUT', pathOf(name), {
        host,
        port,
        protocol,
        role,
        tls,
        ...(database === undefined ? {} : { database }),
        ...(ca === undefined ? {} : { ca: readFile(ca) }),
        ...(more === undefined ? {} : { options: readObject(more) }),
        ...readCredential(options, context.environment),
      });
      context.output().value(made, () => `${describe(made)}\n\nTry it: countersign connection check ${name}`);
    });
};

export const registerConnections: RegisterCommands = (program, context) => {
  const connection = program.command('connection').description('targets: list, show, add, check, remove');

  connection
    .command('ls')
    .description('list connections')
    .action(async () => {
      const items = await readItems<Connection>(context.api(), '/v1/connections');
      context.output().table(
        items,
        [
          { title: 'connection', cell: (row) => row.name },
          { title: 'protocol', cell: (row) => row.protocol },
          { title: 'target', cell: (row) => `${row.host}:${row.port}` },
          { title: 'database', cell: (row) => row.database ?? '-' },
          { title: 'tls', cell: (row) => row.tls },
          { title: 'from', cell: (row) => row.labels['from'] ?? 'control API' },
        ],
        'No connections.',
      );
    });

  connection
    .command('show')
    .description('one connection, without its credential')
    .argument('<name>', 'connection')
    .action(async (name: string) => {
      const items = await readItems<Connection>(context.api(), '/v1/connections');
      const found = items.find((candidate) => candidate.name === name);
      if (found === undefined) throw cliError('CLI_NO_CONNECTION', { name });
      context.output().value(found, () => describe(found));
    });

  add(connection, context);

  connection
    .command('rm')
    .description('remove a connection and its credential; sessions on it go on')
    .argument('<name>', 'connection')
    .action(async (name: string) => {
      const answer = await context.api().send('DELETE', pathOf(name));
      context.output().value(answer, () => `Connection ${name} is removed.`);
    });

  connection
    .command('check')
    .description('try a connection step by step: target reachable, credential in the vault')
    .argument('<name>', 'connection')
    .action(async (name: string) => {
      const answer = await context.api().send<ConnectionCheck>('POST', `${pathOf(name)}/check`);
      context
        .output()
        .value(answer, () =>
          answer.steps.map((step) => `${step.ok ? 'ok ' : 'NOT'}  ${step.step}: ${step.detail}`).join('\n'),
        );
      if (!answer.ok) process.exitCode = EXIT.failed;
    });
};
