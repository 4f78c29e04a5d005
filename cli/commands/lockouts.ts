import { Argument } from 'commander';
import { parseDuration } from '../duration.ts';
import type { Lockout, LockoutAnswer } from '../../schemas/api/lockouts.ts';
import type { RegisterCommands } from '../context.ts';
import { identityIdOf } from '../issue-token.ts';
import { formatTime, type Column } from '../output.ts';
import { readItems } from '../pages.ts';

export const LOCKOUT_COLUMNS: readonly Column<Lockout>[] = [
  { title: 'lockout', cell: (row) => row.lockoutId },
  { title: 'subject', cell: (row) => `${row.subjectKind}:${row.subject}` },
  { title: 'state', cell: (row) => row.state },
  { title: 'since', cell: (row) => formatTime(row.createdAt) },
  { title: 'until', cell: (row) => (row.expiresAt === null ? 'until released' : formatTime(row.expiresAt)) },
  { title: 'by', cell: (row) => row.createdBy },
  { title: 'reason', cell: (row) => row.reason },
];

const SUBJECT_KINDS = ['session', 'token', 'identity', 'credential_source', 'connection'] as const;

export const registerLockouts: RegisterCommands = (program, context) => {
  const lockout = program
    .command('lockout')
    .description('lockouts: contain a session, token, identity, credential source or connection');

  lockout
    .command('ls')
    .description('list lockouts in force')
    .option('--all', 'also ended ones')
    .action(async (options: { all?: boolean }) => {
      const items = await readItems<Lockout>(context.api(), '/v1/lockouts', {
        active: options.all !== true,
      });
      context.output().table(items, LOCKOUT_COLUMNS, 'No lockouts in force.');
    });

  lockout
    .command('create')
    .description('lock a subject out: its sessions end on every gateway and new ones are refused')
    .addArgument(new Argument('<kind>', 'what is locked out').choices(SUBJECT_KINDS))
    .argument('<subject>', 'its id')
    .requiredOption('--reason <text>', 'why; stands in the audit trail')
    .option('--ttl <duration>', 'how long; without it until released')
    .action(async (subjectKind: string, id: string, options: { reason: string; ttl?: string }) => {
      const subject = subjectKind === 'identity' ? identityIdOf(id) : id;
      const answer = await context.api().send<LockoutAnswer>('POST', '/v1/lockouts', {
        subjectKind,
        subject,
        reason: options.reason,
        ...(options.ttl === undefined ? {} : { ttlMs: parseDuration(options.ttl) }),
      });
      context
        .output()
        .value(
          answer,
          () =>
            `Lockout ${answer.lockout.lockoutId} on ${subjectKind} ${subject}: ${answer.outcome.replace('_', ' ')}.`,
        );
    });

  lockout
    .command('release')
    .description('release a lockout; revoked tokens stay revoked')
    .argument('<lockout>', 'lockout id')
    .requiredOption('--reason <text>', 'why')
    .action(async (id: string, options: { reason: string }) => {
      const answer = await context
        .api()
        .send<Lockout>('POST', `/v1/lockouts/${encodeURIComponent(id)}/release`, {
          reason: options.reason,
        });
      context.output().value(answer, () => `Lockout ${id} is released.`);
    });
};
