import type { Page } from '../../schemas/api/common.ts';
import type { EndSessionAnswer, RecordingLine, SessionSummary } from '../../schemas/api/sessions.ts';
import type { RegisterCommands } from '../context.ts';
import { clip, formatTime, type Column } from '../output.ts';

const COLUMNS: readonly Column<SessionSummary>[] = [
  { title: 'session', cell: (row) => row.sessionId },
  { title: 'state', cell: (row) => row.state },
  { title: 'identity', cell: (row) => row.identityId },
  { title: 'connection', cell: (row) => row.connection },
  { title: 'from', cell: (row) => row.clientIp },
  { title: 'tool', cell: (row) => row.tool },
  { title: 'opened', cell: (row) => formatTime(row.openedAt) },
  { title: 'requests', cell: (row) => row.requests },
  { title: 'rows', cell: (row) => row.rows },
];

interface StreamedEvent {
  time: number;
  identity: { id: string } | null;
  body: {
    kind: string;
    text?: string;
    decision?: { outcome: string };
    status?: string;
    rows?: number;
    reason?: string;
  };
}

function formatEvent(event: StreamedEvent): string {
  const { body } = event;
  const what =
    body.kind === 'request'
      ? `${body.decision?.outcome ?? ''} ${clip(body.text ?? '', 120)}`
      : body.kind === 'response'
        ? `${body.status ?? ''} ${body.rows ?? 0} rows`
        : (body.reason ?? '');
  return `${formatTime(event.time)}  ${event.identity?.id ?? '-'}  ${body.kind}  ${what}`.trimEnd();
}

function formatFrame({ time, stream, data }: RecordingLine): string {
  if (stream === 'problem') return `${formatTime(time)} ! ${data}`;
  return `${formatTime(time)} ${stream === 'in' ? '>' : '<'} ${clip(Buffer.from(data, 'base64').toString('utf8'), 2000)}`;
}

export const registerSessions: RegisterCommands = (program, context) => {
  const session = program.command('session').description('sessions: list, show, follow, end, replay');

  session
    .command('ls')
    .description('list sessions, newest first')
    .option('--live', 'only those open now')
    .option('--identity <id>', 'of one identity')
    .option('--limit <n>', 'at most so many', '50')
    .action(async (options: { live?: boolean; identity?: string; limit: string }) => {
      const { items } = await context.api().get<Page<SessionSummary>>('/v1/sessions', {
        state: options.live === true ? 'live' : 'all',
        identity: options.identity,
        limit: options.limit,
      });
      context.output().table(items, COLUMNS, 'No sessions.');
    });

  session
    .command('show')
    .description('everything known of one session')
    .argument('<session>', 'session id')
    .action(async (id: string) => {
      const found = await context
        .api()
        .get<Record<string, unknown>>(`/v1/sessions/${encodeURIComponent(id)}`);
      context.output().value(found, () => JSON.stringify(found, null, 2));
    });

  session
    .command('tail')
    .description('follow events as they come, of one session or of all')
    .argument('[session]', 'session id')
    .action(async (id: string | undefined) => {
      const output = context.output();
      for await (const line of context
        .api()
        .lines('/v1/events/stream', { session: id }, context.interrupted)) {
        output.line(output.json ? line : formatEvent(JSON.parse(line) as StreamedEvent));
      }
    });

  session
    .command('kill')
    .description('end a session now: its socket is closed and its statement cancelled in the target')
    .argument('<session>', 'session id')
    .requiredOption('--reason <text>', 'why, for the audit trail and the client')
    .action(async (id: string, options: { reason: string }) => {
      const answer = await context
        .api()
        .send<EndSessionAnswer>('POST', `/v1/sessions/${encodeURIComponent(id)}/end`, {
          reason: options.reason,
        });
      context
        .output()
        .value(answer, () =>
          answer.outcome === 'ended' ? `Session ${id} is ended.` : `Session ${id} was over already.`,
        );
    });

  session
    .command('replay')
    .description('print what a session sent and received, from its recording')
    .argument('<session>', 'session id')
    .action(async (id: string) => {
      const output = context.output();
      const lines = context
        .api()
        .lines(`/v1/sessions/${encodeURIComponent(id)}/recording`, {}, context.interrupted);
      for await (const line of lines) {
        if (output.json) output.line(line);
        else {
          const frame = JSON.parse(line) as RecordingLine;
          output.line(formatFrame(frame));
        }
      }
    });
};
