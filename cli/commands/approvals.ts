import { createInterface } from 'node:readline/promises';
import type { Approval, RevokeAnswer } from '../../schemas/api/approvals.ts';
import type { Invitation } from '../../schemas/api/second-factors.ts';
import { parseTime } from '../duration.ts';
import type { CliContext, RegisterCommands } from '../context.ts';
import { identityIdOf } from '../issue-token.ts';
import { withLimit } from '../options.ts';
import { flatten, formatTime, printable, type Column } from '../output.ts';
import { readItems } from '../pages.ts';

const what = (row: Approval): string =>
  row.grant === null
    ? (row.shown?.actions.join(', ') ?? '')
    : `${row.grant.name} for ${Math.round(row.grant.durationMs / 60_000)} min`;

const COLUMNS: readonly Column<Approval>[] = [
  { title: 'approval', cell: (row) => row.approvalId },
  { title: 'state', cell: (row) => row.state },
  { title: 'who', cell: (row) => row.identityId },
  { title: 'connection', cell: (row) => row.connection },
  { title: 'what', cell: what },
  { title: 'asked', cell: (row) => formatTime(row.requestedAt) },
  { title: 'until', cell: (row) => formatTime(row.validUntil ?? row.expiresAt) },
];

function described(row: Approval): string {
  const { demand } = row;
  const needs = [
    `${demand.approvals} ${demand.approvals === 1 ? 'person' : 'persons'}`,
    ...(demand.groups.length > 0 ? [`of ${demand.groups.join(', ')}`] : []),
    ...(demand.secondFactor ? ['with a second factor'] : []),
  ].join(' ');
  const lines: (readonly [string, string | null])[] = [
    ['approval', row.approvalId],
    ['state', row.state],
    ['who', `${row.identityName} (${row.identityId}, ${row.identityKind})`],
    ['for', row.principals.join(', ') || null],
    ['source', row.credentialSource],
    ['from', row.ip],
    ['connection', [row.connection, row.database, row.role].filter((part) => part !== null).join(' · ')],
    ['does', what(row)],
    ['touches', row.shown?.impact.join('; ') ?? null],
    ['why', row.rule === null ? row.reason : `${row.reason} (rule ${row.rule})`],
    ['says', row.statedReason],
    ['ticket', row.ticket],
    ['needs', needs],
    ['asked', `${formatTime(row.requestedAt)} UTC`],
    ['until', `${formatTime(row.validUntil ?? row.expiresAt)} UTC`],
    ...row.words.map(
      ({ by, granted, factor, reason }) =>
        [granted ? 'agreed' : 'refused', `${by}${factor === null ? '' : ` (${factor})`}: ${reason}`] as const,
    ),
    ['ended', row.endReason === null ? null : `${row.endedBy ?? ''}: ${row.endReason}`],
  ];
  const text = lines
    .filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => `${name.padEnd(11)}${flatten(value!)}`)
    .join('\n');
  return row.shown === null ? text : `${text}\n\n${printable(row.shown.text)}`;
}

/** One-time codes are asked for, so that they stand in no shell's history. */
async function askCode(context: CliContext): Promise<string> {
  const lines = createInterface({ input: context.stdin, output: context.stderr });
  try {
    return (await lines.question('One-time code (empty: none): ', { signal: context.interrupted })).trim();
  } finally {
    lines.close();
  }
}

const decide: RegisterCommands = (approval, context) => {
  const send = async (id: string, body: object): Promise<void> => {
    const answer = await context
      .api()
      .send<Approval>('POST', `/v1/approvals/${encodeURIComponent(id)}/decide`, body);
    context.output().value(answer, () => `Approval ${id} is ${answer.state}.`);
  };
  approval
    .command('grant')
    .description(
      'agree: as a person, with a one-time code where the rule wants one; security keys need the page',
    )
    .argument('<approval>', 'approval id')
    .requiredOption('--reason <text>', 'why')
    .option('--code', 'ask for a one-time code')
    .action(async (id: string, options: { reason: string; code?: boolean }) => {
      const code = options.code === true ? await askCode(context) : '';
      const factor = code === '' ? {} : { factor: { kind: 'totp', code } };
      await send(id, { granted: true, reason: options.reason, ...factor });
    });
  approval
    .command('refuse')
    .description('refuse: the command does not run')
    .argument('<approval>', 'approval id')
    .requiredOption('--reason <text>', 'why')
    .action((id: string, { reason }: { reason: string }) => send(id, { granted: false, reason }));
};

export const registerApprovals: RegisterCommands = (program, context) => {
  const approval = program
    .command('approval')
    .description('approvals: what waits for a person, deciding it, taking it back');

  withLimit(
    approval
      .command('ls')
      .description('list approvals that wait')
      .option('--all', 'also decided ones')
      .option('--identity <id>', 'of one identity (or account of the gateway)'),
  ).action(async ({ all, identity, limit }: { all?: boolean; identity?: string; limit: number }) => {
    const query = {
      state: all === true ? undefined : 'pending',
      identity: identity === undefined ? undefined : identityIdOf(identity),
    };
    const items = await readItems<Approval>(context.api(), '/v1/approvals', query, limit);
    context.output().table(items, COLUMNS, 'Nothing waits.');
  });
  approval
    .command('show')
    .description('one approval: who, what, why, and what was said')
    .argument('<approval>', 'approval id')
    .action(async (id: string) => {
      const answer = await context.api().get<Approval>(`/v1/approvals/${encodeURIComponent(id)}`);
      context.output().value(answer, () => described(answer));
    });
  decide(approval, context);
  approval
    .command('withdraw')
    .description('take a request back before it is decided')
    .argument('<approval>', 'approval id')
    .requiredOption('--reason <text>', 'why')
    .action(async (id: string, { reason }: { reason: string }) => {
      const path = `/v1/approvals/${encodeURIComponent(id)}/withdraw`;
      const answer = await context.api().send<Approval>('POST', path, { reason });
      context.output().value(answer, () => `Approval ${id} is ${answer.state}.`);
    });
  approval
    .command('revoke')
    .description('revoke all approvals of a window; what they opened ends at once')
    .requiredOption('--since <time>', 'asked for or decided from then on: 2h, 2026-01-31T08:00:00Z')
    .option('--until <time>', 'until then; now where absent')
    .option('--identity <id>', 'only those that it asked for, was acted for in, or agreed to')
    .option('--connection <name>', 'only those of a connection')
    .option('--incident <id>', 'incident that it belongs to')
    .requiredOption('--reason <text>', 'why')
    .action(
      async (options: {
        since: string;
        until?: string;
        identity?: string;
        connection?: string;
        incident?: string;
        reason: string;
      }) => {
        const now = context.now();
        const answer = await context.api().send<RevokeAnswer>('POST', '/v1/approvals/revoke', {
          since: parseTime(options.since, now),
          reason: options.reason,
          ...(options.until === undefined ? {} : { until: parseTime(options.until, now) }),
          ...(options.identity === undefined ? {} : { identity: identityIdOf(options.identity) }),
          ...(options.connection === undefined ? {} : { connection: options.connection }),
          ...(options.incident === undefined ? {} : { incidentId: options.incident }),
        });
        const { approvals, grants } = answer;
        context
          .output()
          .value(answer, () => `Revoked: ${approvals.length} approvals, ${grants.length} grants.`);
      },
    );
  approval
    .command('invite')
    .description('invite a person to enrol a second factor; the link works once, within a day')
    .argument('<identity>', 'identity id, or account of the gateway')
    .action(async (identity: string) => {
      const answer = await context
        .api()
        .send<Invitation>('POST', '/v1/second-factors/invitations', { identity: identityIdOf(identity) });
      context
        .output()
        .value(
          answer,
          () =>
            `${answer.page}\n\nUntil ${formatTime(answer.expiresAt)} UTC. Hand it over by another way than the person's token.`,
        );
    });
  approval
    .command('forget-factors')
    .description('take all second factors of a person away (lost, or suspected)')
    .argument('<identity>', 'identity id, or account of the gateway')
    .action(async (identity: string) => {
      const id = identityIdOf(identity);
      const answer = await context
        .api()
        .send<{ removed: boolean }>('DELETE', `/v1/second-factors/${encodeURIComponent(id)}`);
      context
        .output()
        .value(answer, () => (answer.removed ? `${id} has no second factor any more.` : `${id} had none.`));
    });
};
