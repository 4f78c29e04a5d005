/** What was requested and answered, and what detectors said of it. */
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { once } from 'node:events';
import type { Command } from 'commander';
import type { Hit } from '../../schemas/api/events.ts';
import { parseTime } from '../duration.ts';
import type { CliContext, RegisterCommands } from '../context.ts';
import { identityIdOf } from '../issue-token.ts';
import { choice, withLimit } from '../options.ts';
import { formatTime, type Column } from '../output.ts';
import { readItems } from '../pages.ts';

/** The first of the fields that a document has. */
export function fieldOf({ document }: Hit, ...names: readonly string[]): string {
  for (const name of names) {
    const value = document[name];
    if (value === undefined || value === null) continue;
    if (Array.isArray(value)) return value.join(' ');
    return typeof value === 'string' ? value : JSON.stringify(value);
  }
  return '';
}
const field =
  (...names: readonly string[]) =>
  (hit: Hit): string =>
    fieldOf(hit, ...names);
const time: Column<Hit> = { title: 'time', cell: (hit) => formatTime(Number(hit.document['@timestamp'])) };

/** What happened, in the words of its kind. Names of fields: schemas/ecs. */
function tell(hit: Hit): string {
  const of = (...names: readonly string[]): string => fieldOf(hit, ...names);
  switch (of('event.action')) {
    case 'request':
      return of('message');
    case 'response':
      return of('error.message') === ''
        ? `${of('countersign.response.tag')} (${of('countersign.response.rows')} rows)`
        : `${of('error.code')} ${of('error.message')}`;
    case 'decision':
      return `${of('countersign.decision.outcome')} by ${of('countersign.decision.rule')}: ${of('countersign.decision.reason')}`;
    case 'session_opened':
      return `${of('user_agent.name')} to ${of('countersign.connection')}`;
    case 'session_closed':
      return `${of('countersign.session.close_reason')} ${of('event.reason')}`;
    case 'session_refused':
      return `${of('error.code')} ${of('event.reason')}`;
    case 'credential_issued':
      return `token ${of('countersign.credential.token_id')} for ${of('user.target.id')} by ${of('countersign.actor')}`;
    case 'control_action':
      return `${of('countersign.actor')}: ${of('countersign.control.action')} ${of('countersign.control.subject')} ${of('countersign.control.outcome')}: ${of('event.reason')}`;
    case 'heartbeat':
      return `${of('countersign.heartbeat.open_sessions')} sessions open`;
    default:
      return of('message', 'event.reason');
  }
}

const EVENT_COLUMNS: readonly Column<Hit>[] = [
  time,
  { title: 'event', cell: field('event.action') },
  { title: 'identity', cell: (hit) => fieldOf(hit, 'user.id') || '-' },
  { title: 'from', cell: (hit) => fieldOf(hit, 'source.ip', 'source.address') || '-' },
  // A request's own outcome is not known yet; what was decided on it is.
  {
    title: 'outcome',
    cell: (hit) =>
      fieldOf(hit, 'countersign.decision.outcome', 'countersign.response.status', 'event.outcome'),
  },
  { title: 'what', cell: tell },
];

export const DETECTION_COLUMNS: readonly Column<Hit>[] = [
  time,
  { title: 'risk', cell: field('event.risk_score') },
  { title: 'identity risk', cell: field('countersign.detection.identity_risk') },
  { title: 'detector', cell: field('rule.name') },
  { title: 'identity', cell: field('user.id') },
  { title: 'reason', cell: field('event.reason', 'message') },
];

interface SearchOptions {
  identity?: string;
  session?: string;
  connection?: string;
  text?: string;
  kind?: string;
  severity?: string;
  since?: string;
  until?: string;
  oldest?: boolean;
  all?: boolean;
  limit: number;
}

const KINDS = [
  'session_opened',
  'session_refused',
  'request',
  'decision',
  'response',
  'data',
  'credential_issued',
  'control_action',
  'checkpoint',
  'heartbeat',
  'session_closed',
] as const;
const SEVERITIES = ['informational', 'low', 'medium', 'high', 'critical'] as const;

const withSearch = (command: Command): Command =>
  withLimit(
    command
      .option('--identity <id>', 'of one identity (or account of the gateway)')
      .option('--session <id>', 'of one session')
      .option('--connection <name>', 'on one connection')
      .option('--text <words>', 'words that must all occur')
      .option('--since <time>', 'not before: ISO 8601, or 2h for two hours ago')
      .option('--until <time>', 'before: ISO 8601, or a duration ago')
      .option('--oldest', 'oldest first'),
  );

async function search(context: CliContext, path: string, options: SearchOptions): Promise<Hit[]> {
  const { identity, session, connection, text, kind, severity, since, until, oldest, limit } = options;
  const query = {
    identity: identity === undefined ? undefined : identityIdOf(identity),
    session,
    connection,
    kind,
    severity,
    q: text,
    from: since === undefined ? undefined : parseTime(since, context.now()),
    to: until === undefined ? undefined : parseTime(until, context.now()),
    order: oldest === true ? 'oldest' : 'newest',
    heartbeats: path !== '/v1/events' || options.all === true || kind !== undefined,
  };
  return readItems<Hit>(context.api(), path, query, limit);
}

interface ExportOptions {
  identity?: string;
  since?: string;
  until?: string;
  exercises?: boolean;
  output?: string;
}

async function exportEvents(context: CliContext, options: ExportOptions): Promise<void> {
  const to: Writable = options.output === undefined ? context.stdout : createWriteStream(options.output);
  let count = 0;
  for await (const line of exportedEvents(context, options)) {
    count += 1;
    if (!to.write(`${line}\n`)) await once(to, 'drain');
  }
  if (options.output === undefined) return;
  to.end();
  await once(to, 'finish');
  context
    .output()
    .value({ events: count, file: options.output }, () => `${count} events written to ${options.output}.`);
}

/** History of the running installation, one event a line. */
export function exportedEvents(
  context: CliContext,
  options: Pick<ExportOptions, 'identity' | 'since' | 'until' | 'exercises'>,
): AsyncIterable<string> {
  const { identity, since, until, exercises } = options;
  return context.api().lines(
    '/v1/events/export',
    {
      identity: identity === undefined ? undefined : identityIdOf(identity),
      from: since === undefined ? undefined : parseTime(since, context.now()),
      to: until === undefined ? undefined : parseTime(until, context.now()),
      exercises: exercises === true,
    },
    context.interrupted,
  );
}

export const registerEvents: RegisterCommands = (program, context) => {
  const event = program.command('event').description('session events: search, export, import');
  withSearch(event.command('search').description('search what was requested and answered'))
    .addOption(choice('--kind <kind>', 'of one kind', KINDS))
    .option('--all', 'also checkpoints and heartbeats of gateways')
    .action(async (options: SearchOptions) => {
      context.output().table(await search(context, '/v1/events', options), EVENT_COLUMNS, 'No events.');
    });
  event
    .command('export')
    .description('write session events of the log as NDJSON, in the form that import and backtest take')
    .option('--identity <id>', 'of one identity (or account of the gateway)')
    .option('--since <time>', 'not before: ISO 8601, or 7d for seven days ago')
    .option('--until <time>', 'before: ISO 8601, or a duration ago')
    .option('--exercises', 'also events of exercises')
    .option('--output <file>', 'file to write; standard output without it')
    .action((options: ExportOptions) => exportEvents(context, options));

  const detection = program.command('detection').description('what detectors said');
  withSearch(detection.command('ls').description('list detections, newest first'))
    .addOption(choice('--severity <severity>', 'of one severity', SEVERITIES))
    .action(async (options: SearchOptions) => {
      context
        .output()
        .table(await search(context, '/v1/detections', options), DETECTION_COLUMNS, 'No detections.');
    });
};
