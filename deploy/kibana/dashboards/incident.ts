/** One incident (choose it above): its state, what was done and how fast, what it touched. */
import { dashboard, type Dashboard } from '../dashboard.ts';
import { count, figure, lastValue, percentile, uniqueCount } from '../lens-columns.ts';
import { metric, table, timeline } from '../lens.ts';

export function incident(): Dashboard {
  return dashboard({
    id: 'countersign-dashboard-incident',
    title: 'Incident',
    description: 'Choose an incident: its state, the playbook’s steps, lockouts, ended sessions.',
    timeFrom: 'now-30d',
    controls: [
      ['Incident', 'countersign.incident.id', 'all'],
      ['State', 'countersign.incident.state', 'incidents'],
    ],
    rows: [
      [
        {
          panel: metric(
            { name: 'incident-state', title: 'State', view: 'incidents' },
            lastValue('State', 'countersign.incident.state'),
          ),
          width: 12,
          height: 6,
        },
        {
          panel: metric(
            { name: 'incident-risk', title: 'Risk', view: 'incidents' },
            figure('Risk', 'max', 'event.risk_score'),
            '#BD271E',
          ),
          width: 12,
          height: 6,
        },
        {
          panel: metric(
            { name: 'incident-ended', title: 'Sessions ended', view: 'session-events' },
            uniqueCount(
              'Sessions',
              'countersign.session.id',
              'event.action : "session_closed" and countersign.incident.id : *',
            ),
          ),
          width: 12,
          height: 6,
        },
        {
          panel: metric(
            { name: 'incident-failed', title: 'Failed steps', view: 'responses' },
            count('Failed', 'countersign.response_step.state : "failed"'),
          ),
          width: 12,
          height: 6,
        },
      ],
      [
        {
          panel: timeline(
            { name: 'incident-steps-time', title: 'What was done when', view: 'responses' },
            [count('Steps')],
            { splitBy: 'event.action' },
          ),
          width: 24,
          height: 12,
        },
        {
          panel: table(
            {
              name: 'incident-speed',
              title: 'How fast',
              view: 'responses',
              query: 'countersign.response_step.state : "done"',
            },
            [['Action', 'event.action']],
            [
              count('Done'),
              percentile('Half within', 'event.duration', 50),
              percentile('99 of 100 within', 'event.duration', 99),
            ],
          ),
          width: 24,
          height: 12,
        },
      ],
      [
        {
          panel: table(
            { name: 'incident-identities', title: 'Identities and credential sources', view: 'incidents' },
            [
              ['Incident', 'countersign.incident.id'],
              ['Identity', 'user.id'],
            ],
            [figure('Risk', 'max', 'event.risk_score')],
          ),
          width: 24,
          height: 12,
        },
        {
          panel: table(
            {
              name: 'incident-lockouts',
              title: 'Lockouts',
              view: 'control',
              query: 'event.action : "lockout"',
            },
            [
              ['Subject', 'countersign.lockout.subject'],
              ['Kind', 'countersign.lockout.subject_kind'],
              ['Incident', 'countersign.incident.id'],
            ],
            [count('Records')],
          ),
          width: 24,
          height: 12,
        },
      ],
      [{ panel: { search: 'countersign-search-responses' }, width: 48, height: 16 }],
      [{ panel: { search: 'countersign-search-incident' }, width: 48, height: 16 }],
    ],
  });
}
