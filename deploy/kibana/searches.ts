/** Saved searches for Discover. */
import { viewId, type ViewName } from './data-views.ts';
import { INCIDENT_SEARCH } from '../../schemas/kibana-link.ts';
import { fieldType } from './fields.ts';
import { searchSource, type SavedObject } from './saved-object.ts';

interface Search {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly view: ViewName;
  readonly query: string;
  readonly columns: readonly string[];
}

const SEARCHES: readonly Search[] = [
  {
    id: INCIDENT_SEARCH,
    title: 'Everything about an incident',
    description:
      'The incident, what was done about it, lockouts, sessions that it ended. Opened from an incident’s id.',
    view: 'all',
    query: 'countersign.incident.id : *',
    columns: [
      'event.dataset',
      'event.action',
      'countersign.incident.id',
      'user.id',
      'event.reason',
      'message',
    ],
  },
  {
    id: 'countersign-search-detections',
    title: 'Detections',
    description: 'What the rules and baselines said, with the figures behind it.',
    view: 'detections',
    query: '',
    columns: [
      'rule.name',
      'event.risk_score',
      'user.id',
      'source.ip',
      'countersign.connection',
      'event.reason',
    ],
  },
  {
    id: 'countersign-search-risky-requests',
    title: 'Risky requests',
    description: 'Commands of risk class high or critical, with the decision on each.',
    view: 'session-events',
    query: 'event.action : "request" and countersign.request.risk : ("high" or "critical")',
    columns: [
      'user.id',
      'countersign.connection',
      'countersign.request.risk',
      'countersign.decision.outcome',
      'countersign.request.touched',
      'message',
    ],
  },
  {
    id: 'countersign-search-denied',
    title: 'Denied requests and refused logins',
    description: 'What policy, approvals and lockouts did not let through.',
    view: 'session-events',
    query:
      '(event.action : "request" and countersign.decision.outcome : "deny") or (event.action : "decision" and event.outcome : "failure") or event.action : "session_refused"',
    columns: [
      'event.action',
      'user.id',
      'source.ip',
      'countersign.decision.rule',
      'countersign.decision.reason',
      'error.code',
      'message',
    ],
  },
  {
    id: 'countersign-search-responses',
    title: 'Response steps',
    description: 'What playbooks did: intended, done, failed, undone.',
    view: 'responses',
    query: '',
    columns: [
      'countersign.incident.id',
      'countersign.playbook.name',
      'countersign.playbook.step',
      'event.action',
      'countersign.response_step.subject',
      'countersign.response_step.state',
      'event.duration',
    ],
  },
  {
    id: 'countersign-search-lockouts',
    title: 'Lockouts',
    description: 'Who or what is locked out, by whom, until when.',
    view: 'control',
    query: 'event.action : "lockout"',
    columns: [
      'countersign.lockout.subject_kind',
      'countersign.lockout.subject',
      'countersign.incident.id',
      'countersign.actor',
      'countersign.lockout.expires_at',
      'countersign.lockout.released_by',
      'event.reason',
    ],
  },
  {
    id: 'countersign-search-approvals',
    title: 'Approvals',
    description: 'Who asked to do what and why, who decided, and how long it holds.',
    view: 'control',
    query: 'event.action : "approval"',
    columns: [
      'user.id',
      'countersign.connection',
      'countersign.approval.state',
      'countersign.approval.scope',
      'countersign.approval.decided_by',
      'countersign.approval.valid_until',
      'event.reason',
    ],
  },
  {
    id: 'countersign-search-grants',
    title: 'Grants for a time',
    description: 'Access that was given for a while: to whom, to what, until when, on which ticket.',
    view: 'control',
    query: 'event.action : "grant"',
    columns: [
      'user.id',
      'countersign.grant.name',
      'countersign.grant.connections',
      'countersign.grant.ticket',
      'countersign.grant.ends_at',
      'event.end',
      'event.reason',
    ],
  },
  {
    id: 'countersign-search-control-actions',
    title: 'Administration',
    description: 'Every call that changed something through the control API, also those that were refused.',
    view: 'session-events',
    query: 'event.action : ("control_action" or "approval_decided" or "credential_issued")',
    columns: [
      'event.action',
      'countersign.actor',
      'countersign.control.action',
      'countersign.control.subject',
      'countersign.control.outcome',
      'event.reason',
    ],
  },
  {
    id: 'countersign-search-sessions',
    title: 'Sessions',
    description: 'Opened, refused and closed.',
    view: 'session-events',
    query: 'event.action : ("session_opened" or "session_refused" or "session_closed")',
    columns: [
      'event.action',
      'user.id',
      'source.ip',
      'user_agent.name',
      'countersign.connection',
      'countersign.session.id',
      'countersign.session.close_reason',
    ],
  },
  {
    id: 'countersign-search-dead-letters',
    title: 'Dead letters',
    description: 'Records that could not be read, indexed or delivered, with the reason.',
    view: 'dead-letters',
    query: '',
    columns: [
      'countersign.dead_letter.stage',
      'countersign.dead_letter.topic',
      'error.code',
      'error.message',
    ],
  },
];

const REFERENCE = 'kibanaSavedObjectMeta.searchSourceJSON.index';

export function searches(): SavedObject[] {
  return SEARCHES.map(({ id, title, description, view, query, columns }) => {
    columns.forEach(fieldType);
    return {
      id,
      type: 'search',
      attributes: {
        columns,
        description,
        grid: {},
        hideChart: false,
        isTextBasedQuery: false,
        kibanaSavedObjectMeta: searchSource(query, REFERENCE),
        sort: [['@timestamp', 'desc']],
        timeRestore: false,
        title: `[Countersign] ${title}`,
      },
      references: [{ id: viewId(view), name: REFERENCE, type: 'index-pattern' }],
    };
  });
}
