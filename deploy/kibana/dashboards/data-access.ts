/** Who reads and changes what. */
import { dashboard, type Dashboard } from '../dashboard.ts';
import { count, figure, uniqueCount } from '../lens-columns.ts';
import { donut, metric, table, timeline } from '../lens.ts';

const REQUESTS = 'event.action : "request"';
const RESPONSES = 'event.action : "response"';

export function dataAccess(): Dashboard {
  return dashboard({
    id: 'countersign-dashboard-data-access',
    title: 'Data access',
    description: 'Objects, actions, rows and bytes by identity and connection; masked fields; whole tables.',
    timeFrom: 'now-24h',
    controls: [
      ['Connection', 'countersign.connection', 'session-events'],
      ['Object', 'countersign.request.objects', 'session-events'],
      ['Action', 'countersign.request.actions', 'session-events'],
      ['Identity', 'user.id', 'session-events'],
    ],
    rows: [
      [
        {
          panel: metric(
            { name: 'access-rows', title: 'Rows answered', view: 'session-events' },
            figure('Rows', 'sum', 'countersign.response.rows', RESPONSES),
          ),
          width: 12,
          height: 6,
        },
        {
          panel: metric(
            { name: 'access-bytes', title: 'Bytes answered', view: 'session-events' },
            figure('Bytes', 'sum', 'destination.bytes', RESPONSES),
          ),
          width: 12,
          height: 6,
        },
        {
          panel: metric(
            { name: 'access-masked', title: 'Answers with masked fields', view: 'session-events' },
            count('Masked', `${RESPONSES} and countersign.response.masked_fields : *`),
          ),
          width: 12,
          height: 6,
        },
        {
          panel: metric(
            { name: 'access-whole', title: 'Requests on whole objects', view: 'session-events' },
            count('Whole', `${REQUESTS} and countersign.request.whole : true`),
          ),
          width: 12,
          height: 6,
        },
      ],
      [
        {
          panel: timeline(
            {
              name: 'access-rows-time',
              title: 'Rows by connection',
              view: 'session-events',
              query: RESPONSES,
            },
            [figure('Rows', 'sum', 'countersign.response.rows')],
            { splitBy: 'countersign.connection', kind: 'area_stacked' },
          ),
          width: 24,
          height: 12,
        },
        {
          panel: donut(
            { name: 'access-actions', title: 'Actions', view: 'session-events', query: REQUESTS },
            'countersign.request.actions',
            count('Requests'),
          ),
          width: 24,
          height: 12,
        },
      ],
      [
        {
          panel: table(
            { name: 'access-readers', title: 'Who takes most', view: 'session-events', query: RESPONSES },
            [
              ['Identity', 'user.id'],
              ['Connection', 'countersign.connection'],
            ],
            [figure('Rows', 'sum', 'countersign.response.rows'), figure('Bytes', 'sum', 'destination.bytes')],
          ),
          width: 24,
          height: 14,
        },
        {
          panel: table(
            { name: 'access-objects', title: 'What is touched', view: 'session-events', query: REQUESTS },
            [['Object', 'countersign.request.objects']],
            [count('Requests'), uniqueCount('Identities', 'user.id')],
          ),
          width: 24,
          height: 14,
        },
      ],
      [
        {
          panel: table(
            {
              name: 'access-exports',
              title: 'Exports',
              view: 'session-events',
              query: `${REQUESTS} and countersign.request.actions : "export"`,
            },
            [
              ['Identity', 'user.id'],
              ['Object', 'countersign.request.objects'],
            ],
            [count('Requests')],
          ),
          width: 24,
          height: 12,
        },
        {
          panel: table(
            {
              name: 'access-masked-fields',
              title: 'Masked fields',
              view: 'session-events',
              query: RESPONSES,
            },
            [['Field', 'countersign.response.masked_fields']],
            [count('Answers'), uniqueCount('Identities', 'user.id')],
          ),
          width: 24,
          height: 12,
        },
      ],
      [{ panel: { search: 'countersign-search-risky-requests' }, width: 48, height: 16 }],
      [{ panel: { search: 'countersign-search-denied' }, width: 48, height: 16 }],
    ],
  });
}
