/** `countersign connect NAME`: writes what unmodified clients read, and renews it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ConnectAnswer } from '../../schemas/api/connect.ts';
import { certificateFor, tokenFor, type ConnectToken } from '../connect/credentials.ts';
import { execCredential, planKubernetes } from '../connect/kubernetes.ts';
import { planMcp } from '../connect/mcp.ts';
import { applyPlan, removePlan, showPlan, type Block, type Plan } from '../connect/plan.ts';
import { planPostgres } from '../connect/postgres.ts';
import { planSsh, sshFiles } from '../connect/ssh.ts';
import { isName, type ConnectWish } from '../connect/wish.ts';
import type { CliContext, RegisterCommands } from '../context.ts';
import { cliError } from '../errors.ts';
import { homeFolder, locked, writePrivate } from '../login/login-file.ts';
import { formatTime } from '../output.ts';

interface ConnectOptions {
  readonly print?: boolean;
  readonly remove?: boolean;
  readonly refresh?: boolean;
  readonly keep?: boolean;
  readonly execCredential?: boolean;
  readonly subject: string;
}

/** What was written for a connection, so that it can be renewed and taken back. */
interface Written {
  readonly expiresAt: number;
  readonly files: readonly string[];
  readonly blocks: readonly Pick<Block, 'path' | 'mark'>[];
  /** For exec plugins, which are asked on each call. */
  readonly token?: string;
}

/** Renewed when it ends sooner. */
const SPARE_MS = 120_000;
const KEEP_LOOK_MS = 30_000;
const SSH_MARK = 'ssh';

const stateFile = (home: string, name: string): string => join(home, 'connect', `${name}.json`);

function readWritten(home: string, name: string): Written | undefined {
  try {
    return JSON.parse(readFileSync(stateFile(home, name), 'utf8')) as Written;
  } catch {
    return undefined;
  }
}

function publicKeyOf(file: string, name: string): string {
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const made = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'countersign', '-f', file], {
      encoding: 'utf8',
    });
    if (made.status !== 0) {
      const reason = made.error?.message ?? made.stderr.trim();
      throw cliError('CLI_CONNECT_FAILED', { name, reason: `ssh-keygen made no key (${reason})` });
    }
  }
  return readFileSync(`${file}.pub`, 'utf8').trim();
}

const isLocalData = ({ environment }: CliContext): string =>
  environment['COUNTERSIGN_DATA_FOLDER'] ?? '.data';

async function planFor(
  context: CliContext,
  connection: ConnectAnswer,
  token: ConnectToken,
  isShown: boolean,
): Promise<Plan> {
  const { environment, program } = context;
  const home = homeFolder(environment);
  const wish: ConnectWish = {
    connection,
    ...token,
    home,
    userHome: environment['HOME'] ?? homedir(),
    environment,
    program,
  };
  switch (connection.protocol) {
    case 'postgres':
      return planPostgres(wish);
    case 'ssh': {
      const { key } = sshFiles(home, connection.name);
      if (isShown && !existsSync(key)) return planSsh(wish, '(made with the key, when it is written)');
      const publicKey = publicKeyOf(key, connection.name);
      return planSsh(wish, await certificateFor(context, isLocalData(context), token, publicKey));
    }
    case 'kubernetes':
      return planKubernetes(wish);
    case 'mcp':
      return planMcp(wish);
    default:
      throw cliError('CLI_CONNECT_PROTOCOL', { name: connection.name, protocol: connection.protocol });
  }
}

/** The block in ssh_config serves all connections: it goes with the last one. */
function remove(context: CliContext, name: string): void {
  const home = homeFolder(context.environment);
  const written = readWritten(home, name);
  if (written === undefined)
    throw cliError('CLI_CONNECT_FAILED', { name, reason: 'nothing was written for it' });
  rmSync(stateFile(home, name), { force: true });
  const isLastSsh =
    !written.files.some((file) => file === sshFiles(home, name).config) || !hasOtherSsh(home, name);
  const { knownHosts, renew } = sshFiles(home, name);
  const files = written.files.filter((file) => isLastSsh || (file !== knownHosts && file !== renew));
  removePlan({ files, blocks: written.blocks.filter(({ mark }) => mark !== SSH_MARK || isLastSsh) });
}

function hasOtherSsh(home: string, name: string): boolean {
  const folder = join(home, 'ssh', 'hosts');
  return existsSync(folder) && readdirSync(folder).some((file) => file !== `${name}.conf`);
}

async function write(
  context: CliContext,
  name: string,
  options: ConnectOptions,
): Promise<{ plan: Plan; expiresAt: number }> {
  const home = homeFolder(context.environment);
  const connection = await context.api().get<ConnectAnswer>(`/v1/connect/${encodeURIComponent(name)}`);
  const token = await tokenFor(context, isLocalData(context), name, options.subject);
  const isShown = options.print === true;
  const plan = await planFor(context, connection, token, isShown);
  if (isShown) return { plan, expiresAt: token.expiresAt };
  applyPlan(plan);
  const written: Written = {
    expiresAt: token.expiresAt,
    files: plan.files.map(({ path }) => path),
    blocks: plan.blocks.map(({ path, mark }) => ({ path, mark })),
    ...(connection.protocol === 'kubernetes' ? { token: token.token } : {}),
  };
  mkdirSync(dirname(stateFile(home, name)), { recursive: true, mode: 0o700 });
  writePrivate(stateFile(home, name), `${JSON.stringify(written)}\n`);
  return { plan, expiresAt: token.expiresAt };
}

/** One at a time, and only where what is there ends soon. */
const refresh = (context: CliContext, name: string, options: ConnectOptions): Promise<Written> =>
  locked({ ...context, environment: lockIn(context) }, async () => {
    const home = homeFolder(context.environment);
    const before = readWritten(home, name);
    if (before !== undefined && before.expiresAt - SPARE_MS > context.now()) return before;
    await write(context, name, options);
    return readWritten(home, name)!;
  });

/** A lock of its own: the login's is taken inside. */
const lockIn = ({ environment }: CliContext): CliContext['environment'] => ({
  ...environment,
  COUNTERSIGN_HOME: join(homeFolder(environment), 'connect'),
});

async function keep(context: CliContext, name: string, options: ConnectOptions): Promise<void> {
  const { interrupted } = context;
  while (!interrupted.aborted) {
    await refresh(context, name, options);
    await context.sleep(KEEP_LOOK_MS, interrupted).catch(() => undefined);
  }
}

export const registerConnect: RegisterCommands = (program, context) => {
  program
    .command('connect')
    .description(
      'set up the clients of this machine for a connection: psql, ssh, kubectl, MCP clients; again to renew it',
    )
    .argument('<connection>', 'connection name')
    .option('--print', 'show what would be written, and write nothing')
    .option('--remove', 'take back what was written')
    .option('--refresh', 'only where what is there ends within two minutes')
    .option('--keep', 'stay, and renew it until interrupted')
    .option('--exec-credential', 'print a credential as plugins of kubectl do')
    .option('--subject <name>', 'without a login: account to issue the token for', 'local')
    .action(async (name: string, options: ConnectOptions) => {
      if (!isName(name)) throw cliError('CLI_NO_CONNECTION', { name });
      if (options.remove === true) {
        remove(context, name);
        context.output().value({ removed: name }, () => `What was written for ${name} is gone.`);
        return;
      }
      if (options.execCredential === true) {
        const { token = '', expiresAt } = await refresh(context, name, options);
        context.stdout.write(`${JSON.stringify(execCredential({ token, expiresAt }))}\n`);
        return;
      }
      if (options.refresh === true || options.keep === true) {
        const { expiresAt } = await refresh(context, name, options);
        context.output().value({ expiresAt }, () => `It is good until ${formatTime(expiresAt)} UTC.`);
        if (options.keep === true) await keep(context, name, options);
        return;
      }
      const { plan, expiresAt } = await write(context, name, options);
      const files = plan.files.map(({ path }) => path);
      const blocks = plan.blocks.map(({ path, mark }) => ({ path, mark }));
      if (options.print === true) context.output().value(plan, () => showPlan(plan).trimEnd());
      else
        context
          .output()
          .value({ files, blocks, expiresAt, use: plan.note }, () =>
            [
              plan.note,
              `until ${formatTime(expiresAt)} UTC; again: countersign connect ${name}`,
              ...blocks.map(({ path }) => `A marked block in ${path}.`),
            ].join('\n'),
          );
    });
};
