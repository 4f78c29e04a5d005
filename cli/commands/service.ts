/** The running program itself. */
import type { ReloadAnswer } from '../../schemas/api/reload.ts';
import type { Health, WhoAmI } from '../../schemas/api/service.ts';
import type { RegisterCommands } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { formatFields } from '../output.ts';

const place = ({ file, line, path, reason }: ReloadAnswer['problems'][number]): string =>
  [line > 0 ? `${file}:${line}` : file, ...(path === '' ? [] : [path]), reason].join(': ');

const elsewhere = ({ gateway, outcome, reason }: ReloadAnswer['gateways'][number]): string =>
  outcome === 'applied'
    ? `In force at gateway ${gateway}, too.`
    : `NOT in force at gateway ${gateway}: ${reason}.`;

export const registerService: RegisterCommands = (program, context) => {
  program
    .command('status')
    .description('is everything ready to serve, and as whom do I call')
    .action(async () => {
      const api = context.api();
      const health = await api.get<Health>('/readyz', {}, [503]);
      const caller = await api.get<WhoAmI>('/v1/whoami');
      context
        .output()
        .value({ ...health, caller }, () =>
          formatFields([
            ['ready', health.ready ? 'yes' : 'NO'],
            ...health.roles.map(
              ({ name, ready, reason }) => [name, ready ? 'ready' : `NOT ready: ${reason ?? ''}`] as const,
            ),
            ['you', `${caller.subject} (${caller.scopes.join(', ')})`],
          ]),
        );
      if (!health.ready) process.exitCode = EXIT.failed;
    });

  program
    .command('reload')
    .description(
      'read policy, playbooks, rules and directory again, at all gateways; with a mistake everything stays as it was',
    )
    .action(async () => {
      const answer = await context.api().send<ReloadAnswer>('POST', '/v1/reload');
      if (!answer.applied && !context.output().json)
        throw cliError('CLI_NOT_RELOADED', {
          problems: answer.problems.map((problem) => `\n  ${place(problem)}`).join(''),
        });
      context
        .output()
        .value(answer, () =>
          [
            `In force: ${answer.policyRules} rules of the policy, ${answer.playbooks} playbooks, ${answer.rules} detection rules.`,
            ...(answer.restartNeeded.length === 0
              ? []
              : [`Wait for a restart: ${answer.restartNeeded.join(', ')}.`]),
            ...answer.gateways.map(elsewhere),
            ...(answer.notReached.length === 0
              ? []
              : [
                  `Not reached: ${answer.notReached.join(', ')}. They run in other processes: send each of these a SIGHUP.`,
                ]),
          ].join('\n'),
        );
      if (!answer.applied || answer.gateways.some(({ outcome }) => outcome !== 'applied'))
        process.exitCode = EXIT.failed;
    });
};
