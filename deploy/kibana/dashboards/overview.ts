/** What happens, what was noticed, what was done about it. */
import { dashboard, type Dashboard } from '../dashboard.ts';
import { count, figure, uniqueCount } from '../lens-columns.ts';
import { donut, metric, table, timeline } from '../lens.ts';

const OPEN = 'countersign.incident.state : ("open" or "contained")';

export function overview(): Dashboard {
  return dashboard({
    id: 'countersign-dashboard-overview',
    title: 'Overview',
    description: 'Incidents, detections, what was contained, and how much goes through the gateways.',
    timeFrom: 'now-24h',
    controls: [
      ['Connection', 'countersign.connection', 'all'],
      ['Identity', 'user.id', 'all'],
      ['Origin', 'countersign.origin', 'all'],
    ],
    rows: [
      [
        {
          panel: metric(
            { name: 'open-incidents', title: 'Incidents not closed', view: 'incidents' },
            count('Not closed', OPEN),
            '#BD271E',
          ),
          width: 8,
          height: 6,
        },
        {
          panel: metric(
            { name: 'contained', title: 'Contained', view: 'incidents' },
            count('Contained', 'countersign.incident.state : "contained"'),
          ),
          width: 8,
          height: 6,
        },
        {
          panel: metric({ name: 'detections', title: 'Detections', view: 'detections' }, count('Detections')),
          width: 8,
          height: 6,
        },
        {
          panel: metric(
            { name: 'lockouts', title: 'Lockouts', view: 'control' },
            count('Lockouts', 'event.action : "lockout"'),
          ),
          width: 8,
          height: 6,
        },
        {
          panel: metric(
            { name: 'requests', title: 'Requests', view: 'session-events' },
            count('Requests', 'event.action : "request"'),
          ),
          width: 8,
          height: 6,
        },
        {
          panel: metric(
            { name: 'identities', title: 'Identities at work', view: 'session-events' },
            uniqueCount('Identities', 'user.id', 'event.action : "request"'),
          ),
          width: 8,
          height: 6,
        },
      ],
      [
        {
          panel: timeline(
            { name: 'detections-time', title: 'Detections by severity', view: 'detections' },
            [count('Detections')],
            { splitBy: 'countersign.detection.severity' },
          ),
          width: 24,
          height: 12,
        },
        {
          panel: timeline(
            {
              name: 'requests-time',
              title: 'Requests by risk',
              view: 'session-events',
              query: 'event.action : "request"',
            },
            [count('Requests')],
            { splitBy: 'countersign.request.risk' },
          ),
          width: 24,
          height: 12,
        },
      ],
      [
        {
          panel: table(
            {
              name: 'incidents',
              title: 'Incidents',
              view: 'incidents',
              description: 'The id leads to everything about it.',
            },
            [
              ['Incident', 'countersign.incident.id'],
              ['Severity', 'countersign.incident.severity'],
              ['State', 'countersign.incident.state'],
            ],
            [
              figure('Risk', 'max', 'event.risk_score'),
              figure('Detections', 'max', 'countersign.incident.detection_count'),
            ],
          ),
          width: 24,
          height: 14,
        },
        {
          panel: table(
            { name: 'rules', title: 'What was noticed', view: 'detections' },
            [['Rule or baseline', 'rule.name']],
            [
              count('Detections'),
              figure('Highest risk', 'max', 'event.risk_score'),
              uniqueCount('Identities', 'user.id'),
            ],
          ),
          width: 24,
          height: 14,
        },
      ],
      [
        {
          panel: donut(
            { name: 'techniques', title: 'ATT&CK techniques', view: 'detections' },
            'threat.technique.id',
            count('Detections'),
          ),
          width: 16,
          height: 12,
        },
        {
          panel: donut(
            {
              name: 'decisions',
              title: 'Decisions',
              view: 'session-events',
              query: 'event.action : "request"',
            },
            'countersign.decision.outcome',
            count('Requests'),
          ),
          width: 16,
          height: 12,
        },
        {
          panel: donut(
            { name: 'response-states', title: 'Response steps', view: 'responses' },
            'countersign.response_step.state',
            count('Steps'),
          ),
          width: 16,
          height: 12,
        },
      ],
      [{ panel: { search: 'countersign-search-detections' }, width: 48, height: 16 }],
    ],
  });
}
