/** What was seen and found: events, detections, incidents, and what playbooks did. */
import { parseTime } from '../duration.ts';
import type { Page } from '../../schemas/api/common.ts';
import type { Hit } from '../../schemas/api/events.ts';
import type { IncidentAnswer } from '../../schemas/api/incidents.ts';
import type { PlaybookAnswer, ResponseAnswer } from '../../schemas/api/responses.ts';
import type { RegisterCommands } from '../context.ts';
import { formatTime, type Column } from '../output.ts';

const field =
  (...names: readonly string[]) =>
  (hit: Hit): string => {
    for (const name of names) {
      const value = hit.document[name];
      if (value !== undefined && value !== null)
        return Array.isArray(value)
          ? value.join(' ')
          : typeof value === 'string'
            ? value
            : JSON.stringify(value);
    }
    return '';
  };
const time: Column<Hit> = { title: 'time', cell: (hit) => formatTime(Number(hit.document['@timestamp'])) };

const EVENT_COLUMNS: readonly Column<Hit>[] = [
  time,
  { title: 'what', cell: field('event.action', 'countersign.kind') },
  { title: 'identity', cell: field('user.id') },
  { title: 'from', cell: field('source.ip') },
  { title: 'outcome', cell: field('event.outcome', 'countersign.outcome') },
  { title: 'text', cell: field('countersign.request.text', 'message', 'event.reason') },
];

interface SearchOptions {
  identity?: string;
  session?: string;
  text?: string;
  since?: string;
  limit: string;
}

export const registerFindings: RegisterCommands = (program, context) => {
  const query = (options: SearchOptions): Record<string, string | number | undefined> => ({
    identity: options.identity,
    session: options.session,
    q: options.text,
    from: options.since === undefined ? undefined : parseTime(options.since, context.now()),
    limit: options.limit,
  });

  program
    .command('event')
    .description('session events')
    .command('search')
    .description('search what was requested and answered')
    .option('--identity <id>', 'of one identity')
    .option('--session <id>', 'of one session')
    .option('--text <words>', 'words that must all occur')
    .option('--since <time>', 'ISO 8601, or 2h for two hours ago')
    .option('--limit <n>', 'at most so many', '50')
    .action(async (options: SearchOptions) => {
      const { items } = await context.api().get<Page<Hit>>('/v1/events', query(options));
      context.output().table(items, EVENT_COLUMNS, 'No events.');
    });

  program
    .command('detection')
    .description('what detectors said')
    .command('ls')
    .description('list detections, newest first')
    .option('--identity <id>', 'of one identity')
    .option('--since <time>', 'ISO 8601, or 2h for two hours ago')
    .option('--limit <n>', 'at most so many', '50')
    .action(async (options: SearchOptions) => {
      const { items } = await context.api().get<Page<Hit>>('/v1/detections', query(options));
      context
        .output()
        .table(
          items,
          [
            time,
            { title: 'risk', cell: field('event.risk_score') },
            { title: 'detector', cell: field('rule.name') },
            { title: 'identity', cell: field('user.id') },
            { title: 'reason', cell: field('event.reason', 'message') },
          ],
          'No detections.',
        );
    });

  const incident = program.command('incident').description('incidents: list, show, close');
  incident
    .command('ls')
    .description('list incidents, newest first')
    .option('--open', 'only those not closed')
    .option('--limit <n>', 'at most so many', '50')
    .action(async (options: { open?: boolean; limit: string }) => {
      const { items } = await context.api().get<Page<IncidentAnswer>>('/v1/incidents', {
        state: options.open === true ? 'unclosed' : 'all',
        limit: options.limit,
      });
      context.output().table(
        items,
        [
          { title: 'incident', cell: (row) => row.incidentId },
          { title: 'state', cell: (row) => row.state },
          { title: 'risk', cell: (row) => row.risk },
          { title: 'severity', cell: (row) => row.severity },
          { title: 'changed', cell: (row) => formatTime(row.updatedAt) },
          { title: 'title', cell: (row) => row.title },
        ],
        'No incidents.',
      );
    });
  incident
    .command('show')
    .description('everything known of one incident')
    .argument('<incident>', 'incident id')
    .action(async (id: string) => {
      const found = await context
        .api()
        .get<Record<string, unknown>>(`/v1/incidents/${encodeURIComponent(id)}`);
      context.output().value(found, () => JSON.stringify(found, null, 2));
    });
  incident
    .command('close')
    .description('close an incident; detectors learn from the identity again')
    .argument('<incident>', 'incident id')
    .requiredOption('--as <finding>', 'benign, confirmed or duplicate')
    .option('--note <text>', 'why', '')
    .action(async (id: string, options: { as: string; note: string }) => {
      const answer = await context
        .api()
        .send<Record<string, unknown>>('POST', `/v1/incidents/${encodeURIComponent(id)}/close`, {
          as: options.as,
          note: options.note,
        });
      context.output().value(answer, () => `Incident ${id} is closed as ${options.as}.`);
    });

  const playbook = program.command('playbook').description('playbooks and what they did');
  playbook
    .command('ls')
    .description('list playbooks')
    .action(async () => {
      const { items } = await context.api().get<Page<PlaybookAnswer>>('/v1/playbooks');
      context.output().table(
        items,
        [
          { title: 'playbook', cell: (row) => row.name },
          { title: 'mode', cell: (row) => row.mode },
          { title: 'what', cell: (row) => row.title },
        ],
        'No playbooks.',
      );
    });
  playbook
    .command('log')
    .description('list the steps that playbooks took, newest first')
    .option('--limit <n>', 'at most so many', '50')
    .action(async (options: { limit: string }) => {
      const { items } = await context
        .api()
        .get<Page<ResponseAnswer>>('/v1/responses', { limit: options.limit });
      context.output().table(
        items,
        [
          { title: 'time', cell: (row) => formatTime(row.time) },
          { title: 'response', cell: (row) => row.responseId },
          { title: 'playbook', cell: (row) => row.playbook },
          { title: 'action', cell: (row) => row.action },
          { title: 'subject', cell: (row) => row.subject },
          { title: 'state', cell: (row) => row.state },
          { title: 'detail', cell: (row) => row.detail },
        ],
        'No steps yet.',
      );
    });
};
