/** Incidents with everything that hangs on them. */
import type { Command } from 'commander';
import type { Hit } from '../../schemas/api/events.ts';
import type { IncidentAnswer } from '../../schemas/api/incidents.ts';
import type { Lockout } from '../../schemas/api/lockouts.ts';
import type { ResponseAnswer } from '../../schemas/api/responses.ts';
import type { CliContext, RegisterCommands } from '../context.ts';
import { choice, withLimit } from '../options.ts';
import { formatFields, formatSection, formatTime, type Column } from '../output.ts';
import { readItems } from '../pages.ts';
import { DETECTION_COLUMNS } from './events.ts';
import { LOCKOUT_COLUMNS } from './lockouts.ts';
import { RESPONSE_COLUMNS } from './playbooks.ts';

const COLUMNS: readonly Column<IncidentAnswer>[] = [
  { title: 'incident', cell: (row) => row.incidentId },
  { title: 'state', cell: (row) => (row.closedAs === null ? row.state : `${row.state} (${row.closedAs})`) },
  { title: 'risk', cell: (row) => row.risk },
  { title: 'severity', cell: (row) => row.severity },
  { title: 'changed', cell: (row) => formatTime(row.updatedAt) },
  { title: 'detections', cell: (row) => row.detectionCount },
  { title: 'lockouts', cell: (row) => row.lockouts.length },
  { title: 'identities', cell: (row) => row.identities.join(',') },
  { title: 'title', cell: (row) => row.title },
];

/** How far back detections are searched for those of an incident. */
const DETECTIONS_MAX = 1000;
const MINUTE_MS = 60_000;

interface IncidentFile {
  readonly incident: IncidentAnswer;
  readonly detections: readonly Hit[];
  readonly responses: readonly ResponseAnswer[];
  readonly lockouts: readonly Lockout[];
}

async function gather(context: CliContext, id: string): Promise<IncidentFile> {
  const api = context.api();
  const incident = await api.get<IncidentAnswer>(`/v1/incidents/${encodeURIComponent(id)}`);
  const responses = await readItems<ResponseAnswer>(api, '/v1/responses', { incident: id });
  const lockouts = (await readItems<Lockout>(api, '/v1/lockouts', { active: false })).filter(
    ({ incidentId }) => incidentId === id,
  );
  const detections: Hit[] = [];
  for (const identity of incident.identities) {
    const query = { identity, from: incident.openedAt - MINUTE_MS, to: incident.updatedAt + MINUTE_MS };
    const found = await readItems<Hit>(api, '/v1/detections', query, DETECTIONS_MAX);
    detections.push(...found.filter((hit) => incident.detections.includes(hit.id)));
  }
  return { incident, detections, responses: responses.toReversed(), lockouts: lockouts.toReversed() };
}

function nextSteps({ incident, responses, lockouts }: IncidentFile): string[] {
  const asked = responses.filter(({ state }) => state === 'asked');
  const inForce = lockouts.filter(({ state }) => state === 'in_force' || state === 'awaiting_release');
  return [
    ...asked.map(
      ({ responseId, action, subject }) =>
        `countersign playbook confirm ${responseId}  # ${action} ${subject}`,
    ),
    ...(incident.state === 'closed'
      ? []
      : [`countersign incident close ${incident.incidentId} --as benign|confirmed|duplicate`]),
    ...inForce.map(({ lockoutId }) => `countersign lockout release ${lockoutId} --reason TEXT`),
    ...incident.sessions.slice(0, 3).map((session) => `countersign session replay ${session}`),
  ];
}

function describe(file: IncidentFile, width: number | undefined): string {
  const { incident, detections, responses, lockouts } = file;
  const next = nextSteps(file);
  return [
    formatFields([
      ['incident', incident.incidentId],
      ['title', incident.title],
      [
        'state',
        incident.closedAs === null
          ? incident.state
          : `closed as ${incident.closedAs} by ${incident.closedBy}`,
      ],
      ['severity', `${incident.severity}, risk ${incident.risk}`],
      ['opened', `${formatTime(incident.openedAt)} UTC`],
      ['changed', `${formatTime(incident.updatedAt)} UTC`],
      ['summary', incident.summary],
      ['identities', incident.identities.join(', ')],
      ['source', incident.key],
      ['tokens', incident.tokens.join(', ')],
      ['sessions', incident.sessions.join(', ')],
      ['connections', incident.connections.join(', ')],
      ['exercise', incident.exerciseId],
      ['kibana', incident.link ?? null],
    ]),
    ...formatSection(`Detections (${incident.detectionCount})`, detections, DETECTION_COLUMNS, width),
    ...formatSection('What playbooks did', responses, RESPONSE_COLUMNS, width),
    ...formatSection('Lockouts', lockouts, LOCKOUT_COLUMNS, width),
    ...(next.length === 0 ? [] : ['', 'What can be done', ...next.map((line) => `  ${line}`)]),
  ].join('\n');
}

const close = (incident: Command, context: CliContext): void => {
  incident
    .command('close')
    .description('close an incident; as benign, detectors learn from the identity again. Lockouts stay')
    .argument('<incident>', 'incident id')
    .addOption(
      choice('--as <finding>', 'what it was', ['benign', 'confirmed', 'duplicate']).makeOptionMandatory(),
    )
    .option('--note <text>', 'why', '')
    .action(async (id: string, options: { as: string; note: string }) => {
      const path = `/v1/incidents/${encodeURIComponent(id)}/close`;
      const answer = await context.api().send('POST', path, { as: options.as, note: options.note });
      context.output().value(answer, () => `Incident ${id} is closed as ${options.as}.`);
    });
};

export const registerIncidents: RegisterCommands = (program, context) => {
  const incident = program.command('incident').description('incidents: list, show, close');
  withLimit(
    incident
      .command('ls')
      .description('list incidents, last changed first')
      .option('--open', 'only those not closed'),
  ).action(async ({ open, limit }: { open?: boolean; limit: number }) => {
    const query = { state: open === true ? 'unclosed' : 'all' };
    const items = await readItems<IncidentAnswer>(context.api(), '/v1/incidents', query, limit);
    context.output().table(items, COLUMNS, 'No incidents.');
  });
  incident
    .command('show')
    .description('an incident with its detections, responses and lockouts, and what can be done')
    .argument('<incident>', 'incident id')
    .action(async (id: string) => {
      const file = await gather(context, id);
      context.output().value(file, () => describe(file, context.stdout.columns));
    });
  close(incident, context);
};
