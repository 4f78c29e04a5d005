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
  const { runInstallation, untilStopped } = await import('../run-installation.ts');
  const config = loadConfig(options.config, context.environment);
  const running = await runInstallation(config, context.environment, false, {
    configFile: options.config,
    roles,
  });
  const { installation } = running;
  const { url } = installation.gateway.api();
  const listener = installation.gateway.listener('postgres')!;
  context
    .output()
    .value(
      { api: url, postgres: `${listener.host}:${listener.port}`, dataFolder: config.dataFolder, roles },
      () =>
        [
          `Roles:              ${roles.join(', ')}`,
          `PostgreSQL clients: ${listener.host}:${listener.port}`,
          `Control API:        ${url}`,
          `Data:               ${config.dataFolder}`,
          'Ctrl-C ends it; SIGHUP or `countersign reload` reads policy, playbooks, rules and directory again.',
        ].join('\n'),
    );
  await untilStopped(running, installation.stop, context.interrupted);
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
  if (!names.includes('gateway')) throw mainError('ROLE_NEEDS_CLUSTER', { roles: names.join(', ') });
  return ROLES.filter((role) => names.includes(role));
}

export const registerUp: RegisterCommands = (program, context) => {
  const withConfig = (command: Command): Command =>
    command.option('--config <file>', 'YAML file', context.environment['COUNTERSIGN_CONFIG']);
  withConfig(
    program.command('up').description('run every role in one process on the embedded default'),
  ).action((options: UpOptions) => run(context, ROLES, options));

  withConfig(
    program
      .command('run')
      .description(
        'run the roles that are named in one process on the embedded default; all four are the same as `up`',
      )
      .argument('<roles...>', 'gateway, detectors, responders, ingest'),
  ).action(async (words: readonly string[], options: UpOptions) => {
    const roles = readRoles(words);
    const missing = ROLES.filter((role) => !roles.includes(role));
    if (missing.length > 0) {
      const named = missing.map((role) => `${role} (${MISSED[role]})`).join('; ');
      const { code, message, hint } = mainError('ROLE_NOT_RUN', { roles: named });
      context.stderr.write(`${code}: ${message}\n${hint}\n`);
    }
    await run(context, roles, options);
  });
};
