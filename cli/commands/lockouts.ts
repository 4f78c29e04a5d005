import { parseDuration } from '../duration.ts';
import type { RegisterCommands } from '../context.ts';
import { formatTime, type Column } from '../output.ts';

interface LockoutRow {
  lockoutId: string;
  subjectKind: string;
  subject: string;
  state: string;
  reason: string;
  createdBy: string;
  createdAt: number;
  expiresAt: number | null;
}

const COLUMNS: readonly Column<LockoutRow>[] = [
  { title: 'lockout', cell: (row) => row.lockoutId },
  { title: 'subject', cell: (row) => `${row.subjectKind}:${row.subject}` },
  { title: 'state', cell: (row) => row.state },
  { title: 'since', cell: (row) => formatTime(row.createdAt) },
  { title: 'until', cell: (row) => (row.expiresAt === null ? 'released' : formatTime(row.expiresAt)) },
  { title: 'by', cell: (row) => row.createdBy },
  { title: 'reason', cell: (row) => row.reason },
];

export const registerLockouts: RegisterCommands = (program, context) => {
  const lockout = program
    .command('lockout')
    .description('lockouts: contain a session, token, identity, credential source or connection');

  lockout
    .command('ls')
    .description('list lockouts in force')
    .option('--all', 'also ended ones')
    .action(async (options: { all?: boolean }) => {
      const { lockouts } = await context
        .api()
        .get<{ lockouts: LockoutRow[] }>('/v1/lockouts', { all: options.all === true ? true : undefined });
      context.output().table(lockouts, COLUMNS, 'No lockouts in force.');
    });

  lockout
    .command('create')
    .description('lock a subject out: its sessions end on every gateway and new ones are refused')
    .argument('<kind>', 'session, token, identity, credential_source or connection')
    .argument('<subject>', 'its id')
    .requiredOption('--reason <text>', 'why; clients see it')
    .option('--ttl <duration>', 'how long; without it until released')
    .action(async (subjectKind: string, subject: string, options: { reason: string; ttl?: string }) => {
      const answer = await context
        .api()
        .send<{ lockout: { lockoutId: string }; state: string }>('POST', '/v1/lockouts', {
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
            `Lockout ${answer.lockout.lockoutId} on ${subjectKind} ${subject}: ${answer.state.replace('_', ' ')}.`,
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
        .send<{ state: string }>('POST', `/v1/lockouts/${encodeURIComponent(id)}/release`, {
          reason: options.reason,
        });
      context.output().value(answer, () => `Lockout ${id} is released.`);
    });
};
