import type { Command } from 'commander';
import type { Hit } from '../../schemas/api/events.ts';
import type { EndSessionAnswer, RecordingLine, SessionSummary } from '../../schemas/api/sessions.ts';
import type { CliContext, RegisterCommands } from '../context.ts';
import { identityIdOf } from '../issue-token.ts';
import { withLimit } from '../options.ts';
import { clip, formatFields, formatSection, formatTime, type Column } from '../output.ts';
import { readItems } from '../pages.ts';
import { createCast } from '../replay/asciicast.ts';
import { createTextReplay, type Replay } from '../replay/lines.ts';
import { createPostgresReplay } from '../replay/postgres.ts';
import { fieldOf } from './events.ts';

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
  { title: 'end', cell: (row) => row.closeReason ?? '-' },
];

const REQUEST_COLUMNS: readonly Column<Hit>[] = [
  { title: 'time', cell: (hit) => formatTime(Number(hit.document['@timestamp'])) },
  { title: 'decision', cell: (hit) => fieldOf(hit, 'countersign.decision.outcome') },
  { title: 'risk', cell: (hit) => fieldOf(hit, 'countersign.request.risk') },
  { title: 'text', cell: (hit) => fieldOf(hit, 'message') },
];
const REQUESTS_SHOWN = 20;

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
    action?: string;
    subject?: string;
  };
}

function formatEvent({ time, identity, body }: StreamedEvent): string {
  const what = {
    request: `${body.decision?.outcome ?? ''} ${clip(body.text ?? '', 200)}`,
    response: `${body.status ?? ''} ${body.rows ?? 0} rows`,
    control_action: `${body.action ?? ''} ${body.subject ?? ''} ${body.reason ?? ''}`,
  }[body.kind];
  return `${formatTime(time)}  ${identity?.id ?? '-'}  ${body.kind}  ${clip(what ?? body.reason ?? '', 300)}`.trimEnd();
}

/** Of gateways, not of anybody's session. */
const QUIET = new Set(['checkpoint', 'heartbeat']);

const pathOf = (id: string): string => `/v1/sessions/${encodeURIComponent(id)}`;

function describe(session: SessionSummary, requests: readonly Hit[], width: number | undefined): string {
  const seconds = ((session.closedAt ?? session.openedAt) - session.openedAt) / 1000;
  return [
    formatFields([
      ['session', session.sessionId],
      ['state', session.state],
      ['identity', `${session.identityId} (${session.identityKind})`],
      ['token', session.tokenId],
      ['source', session.credentialSource],
      ['connection', `${session.connection} (${session.protocol}, database ${session.database ?? '-'})`],
      ['client', `${session.clientIp} with ${session.tool ?? 'an unnamed tool'}`],
      ['gateway', session.gateway],
      ['opened', `${formatTime(session.openedAt)} UTC`],
      [
        'closed',
        session.closedAt === null
          ? null
          : `${formatTime(session.closedAt)} UTC, after ${seconds.toFixed(1)} s: ${session.closeReason}`,
      ],
      ['did', `${session.requests} requests, ${session.rows} rows, ${session.bytes} bytes`],
      ['recording', session.recordingId === null ? null : `countersign session replay ${session.sessionId}`],
    ]),
    ...formatSection(
      session.requests > requests.length
        ? `Requests (the first ${requests.length} of ${session.requests})`
        : 'Requests',
      requests,
      REQUEST_COLUMNS,
      width,
    ),
  ].join('\n');
}

const show = (session: Command, context: CliContext): void => {
  session
    .command('show')
    .description('one session and what it asked for')
    .argument('<session>', 'session id')
    .action(async (id: string) => {
      const api = context.api();
      const found = await api.get<SessionSummary>(pathOf(id));
      const query = { session: found.sessionId, kind: 'request', order: 'oldest' };
      const requests = await readItems<Hit>(api, '/v1/events', query, REQUESTS_SHOWN);
      context
        .output()
        .value({ ...found, requested: requests }, () => describe(found, requests, context.stdout.columns));
    });
};

const tail = (session: Command, context: CliContext): void => {
  session
    .command('tail')
    .description('follow events as they come, of one session or of all; Ctrl-C ends it')
    .argument('[session]', 'session id')
    .option('--identity <id>', 'of one identity (or account of the gateway)')
    .option('--all', 'also checkpoints and heartbeats of gateways')
    .action(async (id: string | undefined, { identity, all }: { identity?: string; all?: boolean }) => {
      const output = context.output();
      const query = { session: id, identity: identity === undefined ? undefined : identityIdOf(identity) };
      const begun = (): void => {
        if (!output.json) context.stderr.write('Following; Ctrl-C ends it.\n');
      };
      for await (const line of context.api().lines('/v1/events/stream', query, context.interrupted, begun)) {
        const event = JSON.parse(line) as StreamedEvent;
        if (all !== true && QUIET.has(event.body.kind)) continue;
        output.line(output.json ? line : formatEvent(event));
      }
    });
};

const kill = (session: Command, context: CliContext): void => {
  session
    .command('kill')
    .description('end a session now: its socket is closed and its statement cancelled in the target')
    .argument('<session>', 'session id')
    .requiredOption('--reason <text>', 'why; stands in the audit trail')
    .action(async (id: string, options: { reason: string }) => {
      const answer = await context
        .api()
        .send<EndSessionAnswer>('POST', `${pathOf(id)}/end`, { reason: options.reason });
      context
        .output()
        .value(answer, () =>
          answer.outcome === 'ended' ? `Session ${id} is ended.` : `Session ${id} was over already.`,
        );
    });
};

const replay = (session: Command, context: CliContext): void => {
  session
    .command('replay')
    .description(
      'print what a session sent (>) and received (<); with --json the exact bytes, one frame a line. It stands in the audit trail',
    )
    .argument('<session>', 'session id')
    .option('--asciicast', 'a terminal as asciicast v3, for asciinema')
    .option('--request <id>', 'with --asciicast: of this shell or command; else the first')
    .action(async (id: string, { asciicast, request }: { asciicast?: boolean; request?: string }) => {
      const output = context.output();
      const api = context.api();
      const cast = asciicast === true ? createCast(request) : undefined;
      let shown: Replay | undefined;
      for await (const line of api.lines(`${pathOf(id)}/recording`, {}, context.interrupted)) {
        if (cast !== undefined) {
          for (const event of cast.take(JSON.parse(line) as RecordingLine)) output.line(event);
          continue;
        }
        if (output.json) {
          output.line(line);
          continue;
        }
        shown ??=
          (await api.get<SessionSummary>(pathOf(id))).protocol === 'postgres'
            ? createPostgresReplay()
            : createTextReplay();
        for (const text of shown.take(JSON.parse(line) as RecordingLine)) output.line(text);
      }
    });
};

export const registerSessions: RegisterCommands = (program, context) => {
  const session = program.command('session').description('sessions: list, show, follow, end, replay');
  withLimit(
    session
      .command('ls')
      .description('list sessions, newest first')
      .option('--live', 'only those open now')
      .option('--identity <id>', 'of one identity (or account of the gateway)')
      .option('--connection <name>', 'on one connection'),
  ).action(async (options: { live?: boolean; identity?: string; connection?: string; limit: number }) => {
    const { live, identity, connection, limit } = options;
    const query = {
      state: live === true ? 'live' : 'all',
      identity: identity === undefined ? undefined : identityIdOf(identity),
      connection,
    };
    const items = await readItems<SessionSummary>(context.api(), '/v1/sessions', query, limit);
    context.output().table(items, COLUMNS, 'No sessions.');
  });
  for (const add of [show, tail, kill, replay]) add(session, context);
};
