/** One identity (choose it above): what it does, from where, with what, and what stood out. */
import { dashboard, type Dashboard } from '../dashboard.ts';
import { count, figure, uniqueCount } from '../lens-columns.ts';
import { metric, table, timeline } from '../lens.ts';

const REQUESTS = 'event.action : "request"';

export function identity(): Dashboard {
  return dashboard({
    id: 'countersign-dashboard-identity',
    title: 'Identity',
    description: 'Choose an identity: its sessions, sources, tools, objects, detections and tokens.',
    timeFrom: 'now-7d',
    controls: [
      ['Identity', 'user.id', 'session-events'],
      ['Kind', 'countersign.identity.kind', 'session-events'],
      ['Credential source', 'countersign.identity.credential_source', 'session-events'],
      ['Token', 'countersign.identity.token_id', 'session-events'],
    ],
    rows: [
      [
        {
          panel: metric(
            { name: 'identity-sessions', title: 'Sessions', view: 'session-events' },
            count('Sessions', 'event.action : "session_opened"'),
          ),
          width: 12,
          height: 6,
        },
        {
          panel: metric(
            { name: 'identity-requests', title: 'Requests', view: 'session-events' },
            count('Requests', REQUESTS),
          ),
          width: 12,
          height: 6,
        },
        {
          panel: metric(
            { name: 'identity-risk', title: 'Highest combined risk', view: 'detections' },
            figure('Risk', 'max', 'countersign.detection.identity_risk'),
            '#BD271E',
          ),
          width: 12,
          height: 6,
        },
        {
          panel: metric(
            { name: 'identity-denied', title: 'Denied', view: 'session-events' },
            count('Denied', `${REQUESTS} and countersign.decision.outcome : "deny"`),
          ),
          width: 12,
          height: 6,
        },
      ],
      [
        {
          panel: timeline(
            { name: 'identity-time', title: 'When it works', view: 'session-events', query: REQUESTS },
            [count('Requests')],
            { splitBy: 'countersign.connection' },
          ),
          width: 24,
          height: 12,
        },
        {
          panel: timeline(
            { name: 'identity-risk-time', title: 'Combined risk', view: 'detections' },
            [figure('Risk', 'max', 'countersign.detection.identity_risk')],
            { splitBy: 'user.id', kind: 'line' },
          ),
          width: 24,
          height: 12,
        },
      ],
      [
        {
          panel: table(
            {
              name: 'identity-sources',
              title: 'From where, with what',
              view: 'session-events',
              query: 'event.action : "session_opened"',
            },
            [
              ['Source', 'source.ip'],
              ['Tool', 'user_agent.name'],
            ],
            [count('Sessions'), uniqueCount('Tokens', 'countersign.identity.token_id')],
          ),
          width: 24,
          height: 14,
        },
        {
          panel: table(
            {
              name: 'identity-tokens',
              title: 'Tokens',
              view: 'session-events',
              query: 'event.action : "session_opened"',
            },
            [
              ['Token', 'countersign.identity.token_id'],
              ['Credential source', 'countersign.identity.credential_source'],
            ],
            [count('Sessions'), uniqueCount('Sources', 'source.ip')],
          ),
          width: 24,
          height: 14,
        },
      ],
      [
        {
          panel: table(
            { name: 'identity-objects', title: 'What it touches', view: 'session-events', query: REQUESTS },
            [
              ['Object', 'countersign.request.objects'],
              ['Action', 'countersign.request.actions'],
            ],
            [count('Requests')],
          ),
          width: 24,
          height: 14,
        },
        {
          panel: table(
            { name: 'identity-detections', title: 'What stood out', view: 'detections' },
            [['Rule or baseline', 'rule.name']],
            [count('Detections'), figure('Highest risk', 'max', 'event.risk_score')],
          ),
          width: 24,
          height: 14,
        },
      ],
      [{ panel: { search: 'countersign-search-sessions' }, width: 48, height: 14 }],
      [{ panel: { search: 'countersign-search-risky-requests' }, width: 48, height: 14 }],
    ],
  });
}
