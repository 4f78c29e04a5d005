/** Whether the gateways and what is behind them work: from heartbeats, refusals, lags and dead letters. */
import { dashboard, type Dashboard } from '../dashboard.ts';
import { count, figure, percentile, uniqueCount } from '../lens-columns.ts';
import { metric, table, timeline } from '../lens.ts';

const HEARTBEATS = 'event.action : "heartbeat"';
const RESPONSES = 'event.action : "response"';

export function gatewayHealth(): Dashboard {
  return dashboard({
    id: 'countersign-dashboard-gateway-health',
    title: 'Gateway health',
    description: 'Heartbeats, spools, refusals, answer times, dead letters.',
    timeFrom: 'now-4h',
    controls: [
      ['Gateway', 'observer.name', 'session-events'],
      ['Connection', 'countersign.connection', 'session-events'],
    ],
    rows: [
      [
        {
          panel: metric(
            { name: 'health-gateways', title: 'Gateways alive', view: 'session-events' },
            uniqueCount('Gateways', 'observer.name', HEARTBEATS),
          ),
          width: 12,
          height: 6,
        },
        {
          panel: metric(
            {
              name: 'health-unaudited',
              title: 'Let through unaudited',
              view: 'session-events',
              description: 'Commands that the spool had no room for; 0 unless it is configured otherwise.',
            },
            figure('Unaudited', 'max', 'countersign.heartbeat.unaudited', HEARTBEATS),
            '#BD271E',
          ),
          width: 12,
          height: 6,
        },
        {
          panel: metric(
            { name: 'health-lost', title: 'Sessions lost with a gateway', view: 'session-events' },
            count(
              'Lost',
              'event.action : "session_closed" and countersign.session.close_reason : "gateway_lost"',
            ),
          ),
          width: 12,
          height: 6,
        },
        {
          panel: metric(
            { name: 'health-dead-letters', title: 'Dead letters', view: 'dead-letters' },
            count('Dead letters'),
            '#BD271E',
          ),
          width: 12,
          height: 6,
        },
      ],
      [
        {
          panel: timeline(
            {
              name: 'health-sessions-time',
              title: 'Open sessions',
              view: 'session-events',
              query: HEARTBEATS,
            },
            [figure('Sessions', 'max', 'countersign.heartbeat.open_sessions')],
            { splitBy: 'observer.name', kind: 'line' },
          ),
          width: 24,
          height: 12,
        },
        {
          panel: timeline(
            { name: 'health-spool-time', title: 'Spool', view: 'session-events', query: HEARTBEATS },
            [figure('Bytes', 'max', 'countersign.heartbeat.spool_bytes')],
            { splitBy: 'observer.name', kind: 'line' },
          ),
          width: 24,
          height: 12,
        },
      ],
      [
        {
          panel: timeline(
            {
              name: 'health-latency-time',
              title: 'Answer times of targets',
              view: 'session-events',
              query: RESPONSES,
            },
            [
              percentile('Half within', 'event.duration', 50),
              percentile('99 of 100 within', 'event.duration', 99),
            ],
            { kind: 'line' },
          ),
          width: 24,
          height: 12,
        },
        {
          panel: timeline(
            {
              name: 'health-errors-time',
              title: 'Errors of targets',
              view: 'session-events',
              query: `${RESPONSES} and event.outcome : "failure"`,
            },
            [count('Errors')],
            { splitBy: 'error.code' },
          ),
          width: 24,
          height: 12,
        },
      ],
      [
        {
          panel: table(
            {
              name: 'health-refusals',
              title: 'Refused logins',
              view: 'session-events',
              query: 'event.action : "session_refused"',
            },
            [
              ['Code', 'error.code'],
              ['Source', 'source.ip'],
            ],
            [count('Refused')],
          ),
          width: 24,
          height: 12,
        },
        {
          panel: table(
            { name: 'health-dead-letter-causes', title: 'Dead letters by cause', view: 'dead-letters' },
            [
              ['Stage', 'countersign.dead_letter.stage'],
              ['Topic', 'countersign.dead_letter.topic'],
              ['Code', 'error.code'],
            ],
            [count('Records')],
          ),
          width: 24,
          height: 12,
        },
      ],
      [{ panel: { search: 'countersign-search-dead-letters' }, width: 48, height: 12 }],
      [{ panel: { search: 'countersign-search-control-actions' }, width: 48, height: 14 }],
    ],
  });
}
