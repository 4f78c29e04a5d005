/** `up` and `run`: the program as a service. */
import type { Command } from 'commander';
import type { CliContext, RegisterCommands } from '../../cli/context.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { mainError } from '../errors.ts';
import { ROLES, type RoleName } from '../roles.ts';

interface UpOptions {
  config?: string;
}

async function run(context: CliContext, roles: readonly RoleName[], options: UpOptions): Promise<void> {
  // Everything that runs is read now; other commands need none of it.
  const { loadConfig } = await import('../config.ts');
  const { runProcess, untilStopped } = await import('../run-installation.ts');
  const config = loadConfig(options.config, context.environment);
  const missing = ROLES.filter((role) => !roles.includes(role));
  if (missing.length > 0 && roles.includes('gateway') && config.eventLog.kind === 'embedded') {
    const named = missing.map((role) => `${role} (${MISSED[role]})`).join('; ');
    const { code, message, hint } = mainError('ROLE_NOT_RUN', { roles: named });
    context.stderr.write(`${code}: ${message}\n${hint}\n`);
  }
  const running = await runProcess(config, context.environment, { configFile: options.config, roles });
  const { gateway, healthUrl, processName } = running.installation;
  const listener = gateway?.listener('postgres');
  const shown = {
    process: processName,
    roles,
    dataFolder: config.dataFolder,
    ...(gateway === undefined ? {} : { api: gateway.api().url }),
    ...(listener === undefined ? {} : { postgres: `${listener.host}:${listener.port}` }),
    ...(healthUrl === undefined ? {} : { health: healthUrl }),
  };
  context
    .output()
    .value(shown, () =>
      [
        `Process:            ${processName}`,
        `Roles:              ${roles.join(', ')}`,
        ...(listener === undefined ? [] : [`PostgreSQL clients: ${listener.host}:${listener.port}`]),
        ...(gateway === undefined ? [] : [`Control API:        ${gateway.api().url}`]),
        ...(healthUrl === undefined ? [] : [`Health:             ${healthUrl}/readyz`]),
        `Data:               ${config.dataFolder}`,
        'Ctrl-C ends it; SIGHUP or `countersign reload` reads policy, playbooks, rules and directory again.',
      ].join('\n'),
    );
  await untilStopped(running, config.gateway.drainMs, context.interrupted);
  // A service that was told to end, and did, has not failed.
  process.exitCode = EXIT.ok;
}

/** What is missed while a role does not run. */
const MISSED: Readonly<Record<RoleName, string>> = {
  gateway: 'nobody can log in',
  detectors: 'nothing is detected, and held requests are denied',
  responders: 'nothing is contained',
  ingest: 'searches do not see what is new',
};

function readRoles(words: readonly string[]): readonly RoleName[] {
  const names = words.flatMap((word) => word.split(',')).filter((word) => word !== '');
  const stranger = names.find((name) => !(ROLES as readonly string[]).includes(name));
  if (stranger !== undefined)
    throw mainError('ROLE_UNKNOWN', { role: stranger, roles: [...ROLES].sort().join(', ') });
  return ROLES.filter((role) => names.includes(role));
}

export const registerUp: RegisterCommands = (program, context) => {
  const withConfig = (command: Command): Command =>
    command.option('--config <file>', 'YAML file', context.environment['COUNTERSIGN_CONFIG']);
  withConfig(program.command('up').description('run every role in one process')).action(
    (options: UpOptions) => run(context, ROLES, options),
  );

  withConfig(
    program
      .command('run')
      .description(
        'run the roles that are named in one process, as many copies as the load needs; without the gateway they need Kafka (docs/operations.md)',
      )
      .argument('<roles...>', 'gateway, detectors, responders, ingest'),
  ).action((words: readonly string[], options: UpOptions) => run(context, readRoles(words), options));
};
