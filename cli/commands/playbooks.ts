/** Playbooks, what they did, and what they ask. */
import type { ConfirmAnswer, PlaybookAnswer, ResponseAnswer } from '../../schemas/api/responses.ts';
import type { RegisterCommands } from '../context.ts';
import { choice, withLimit } from '../options.ts';
import { formatTime, type Column } from '../output.ts';
import { readItems } from '../pages.ts';

export const RESPONSE_COLUMNS: readonly Column<ResponseAnswer>[] = [
  { title: 'time', cell: (row) => formatTime(row.time) },
  { title: 'response', cell: (row) => row.responseId },
  { title: 'playbook', cell: (row) => row.playbook },
  { title: 'action', cell: (row) => row.action },
  { title: 'subject', cell: (row) => row.subject },
  { title: 'state', cell: (row) => row.state },
  { title: 'detail', cell: (row) => row.detail },
];

const STATES = ['intended', 'done', 'failed', 'undone', 'skipped', 'observed', 'asked'] as const;

export const registerPlaybooks: RegisterCommands = (program, context) => {
  const playbook = program
    .command('playbook')
    .description('playbooks: list, test, what they did, confirm what they ask');
  playbook
    .command('ls')
    .description('list playbooks in force')
    .action(async () => {
      const items = await readItems<PlaybookAnswer>(context.api(), '/v1/playbooks');
      context.output().table(
        items,
        [
          { title: 'playbook', cell: (row) => row.name },
          { title: 'mode', cell: (row) => row.mode },
          { title: 'steps', cell: (row) => row.steps.map(({ action }) => action).join(', ') },
          { title: 'what', cell: (row) => row.title },
        ],
        'No playbooks.',
      );
    });

  withLimit(
    playbook
      .command('log')
      .description('list the steps that playbooks took, newest first')
      .option('--incident <id>', 'of one incident')
      .addOption(choice('--state <state>', 'in one state; `asked` waits for a person', STATES)),
  ).action(async ({ limit, incident, state }: { limit: number; incident?: string; state?: string }) => {
    const query = { incident, state };
    const items = await readItems<ResponseAnswer>(context.api(), '/v1/responses', query, limit);
    context.output().table(items, RESPONSE_COLUMNS, 'No steps.');
  });

  for (const [name, decision, description] of [
    ['confirm', 'confirm', 'confirm what a playbook asks; it is done then'],
    ['decline', 'decline', 'decline what a playbook asks'],
  ] as const)
    playbook
      .command(name)
      .description(description)
      .argument('<response>', 'response id (playbook log --state asked)')
      .option('--note <text>', 'why', '')
      .action(async (id: string, { note }: { note: string }) => {
        const path = `/v1/responses/${encodeURIComponent(id)}/confirm`;
        const answer = await context.api().send<ConfirmAnswer>('POST', path, { decision, note });
        context.output().value(answer, () => `Response ${id} is ${answer.outcome}.`);
      });
};
