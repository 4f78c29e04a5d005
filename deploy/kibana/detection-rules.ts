/**
 * Detection rules for Elastic Security, as its rule export has them (Detections API, 8.19 and 9). Our detectors have found things
 * already, in milliseconds; these rules carry that into the analysts' queue and watch what only a view over everything shows.
 */
import { fieldType, groupable } from './fields.ts';

type Severity = 'low' | 'medium' | 'high' | 'critical';

interface Plan {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** Topics, without the prefix. */
  readonly topics: readonly string[];
  readonly query: string;
  readonly severity: Severity;
  readonly risk: number;
  /** ATT&CK technique ids. */
  readonly techniques: readonly string[];
  /** Shown first to whoever looks at an alert. */
  readonly show: readonly string[];
  readonly note: string;
  readonly falsePositives?: readonly string[];
  /** Fields of our own judgement that take the place of the rule's. */
  readonly takesOver?: { readonly name?: string; readonly risk?: string; readonly severity?: string };
  readonly suppressBy?: readonly string[];
  readonly threshold?: {
    readonly fields: readonly string[];
    readonly value: number;
    readonly distinct?: readonly [string, number];
  };
  readonly newTerms?: { readonly fields: readonly string[]; readonly history: string };
}

/** Tactics and techniques that the rules name, as attack.mitre.org calls them. */
const TECHNIQUES: Readonly<
  Record<string, { readonly name: string; readonly tactic: readonly [id: string, name: string] }>
> = {
  T1078: { name: 'Valid Accounts', tactic: ['TA0001', 'Initial Access'] },
  T1110: { name: 'Brute Force', tactic: ['TA0006', 'Credential Access'] },
  T1098: { name: 'Account Manipulation', tactic: ['TA0003', 'Persistence'] },
  T1213: { name: 'Data from Information Repositories', tactic: ['TA0009', 'Collection'] },
  T1485: { name: 'Data Destruction', tactic: ['TA0040', 'Impact'] },
  T1562: { name: 'Impair Defenses', tactic: ['TA0005', 'Defense Evasion'] },
};

const LIVE = 'not countersign.origin : ("import" or "exercise")';

const PLANS: readonly Plan[] = [
  {
    id: 'countersign-detection',
    name: 'Countersign: detection',
    description: 'A rule or baseline of Countersign spoke. Name, severity and risk are its own.',
    topics: ['detections'],
    query: `event.kind : "alert" and ${LIVE}`,
    severity: 'medium',
    risk: 47,
    techniques: ['T1078'],
    show: [
      'event.reason',
      'countersign.detection.figures',
      'user.id',
      'source.ip',
      'countersign.connection',
      'countersign.session.id',
    ],
    note: 'Read event.reason: it has the figures. `countersign session show ID` replays what was done; the incident dashboard shows what was contained.',
    takesOver: { name: 'rule.name', risk: 'event.risk_score', severity: 'countersign.detection.severity' },
  },
  {
    id: 'countersign-incident',
    name: 'Countersign: incident',
    description: 'Countersign opened or contained an incident.',
    topics: ['incidents'],
    query: `countersign.incident.state : ("open" or "contained") and ${LIVE}`,
    severity: 'high',
    risk: 73,
    techniques: ['T1078'],
    show: [
      'countersign.incident.id',
      'countersign.incident.state',
      'event.reason',
      'user.id',
      'countersign.lockout.id',
    ],
    note: 'Open the incident dashboard with countersign.incident.id. Close it there with `countersign incident close ID --as benign|confirmed`: until then nothing is learned from its identities.',
    takesOver: { risk: 'event.risk_score', severity: 'countersign.incident.severity' },
    suppressBy: ['countersign.incident.id'],
  },
  {
    id: 'countersign-containment-failed',
    name: 'Countersign: a containment step failed',
    description: 'A playbook could not carry out a step: what it was to stop may go on.',
    topics: ['responses'],
    query: 'countersign.response_step.state : "failed" and not countersign.exercise_id : *',
    severity: 'critical',
    risk: 99,
    techniques: ['T1562'],
    show: [
      'countersign.incident.id',
      'countersign.playbook.name',
      'event.action',
      'countersign.response_step.subject',
      'message',
    ],
    note: 'Lock out by hand: `countersign lockout create KIND SUBJECT --reason ...`. Then look at the message for the cause.',
    suppressBy: ['countersign.incident.id'],
  },
  {
    id: 'countersign-unaudited',
    name: 'Countersign: commands went through unaudited',
    description:
      'A gateway let commands through that it could not write to its spool, as it is configured to.',
    topics: ['session-events'],
    query: 'event.action : "heartbeat" and countersign.heartbeat.unaudited > 0',
    severity: 'high',
    risk: 73,
    techniques: ['T1562'],
    show: ['observer.name', 'countersign.heartbeat.unaudited', 'countersign.heartbeat.spool_bytes'],
    note: 'Look whether the event log is reachable from the gateway, and whether its disk is full (docs/operations.md).',
    suppressBy: ['observer.name'],
  },
  {
    id: 'countersign-unreadable-event',
    name: 'Countersign: a session event could not be read',
    description:
      'A record of the audit trail went to dead-letters: another schema, or somebody else writes to the topic.',
    topics: ['dead-letters'],
    query: 'countersign.dead_letter.topic : "countersign.session-events"',
    severity: 'high',
    risk: 73,
    techniques: ['T1562'],
    show: [
      'countersign.dead_letter.stage',
      'error.code',
      'error.message',
      'countersign.dead_letter.partition',
      'countersign.dead_letter.offset',
    ],
    note: '`countersign dead-letter show` prints the record as it was. `countersign audit verify FILE` (after `audit export FILE`) says whether the chain of its session is whole.',
    suppressBy: ['error.code'],
  },
  {
    id: 'countersign-refused-logins',
    name: 'Countersign: many refused logins from one source',
    description: 'One address tried again and again.',
    topics: ['session-events'],
    query: `event.action : "session_refused" and ${LIVE}`,
    severity: 'medium',
    risk: 47,
    techniques: ['T1110'],
    show: ['source.ip', 'countersign.session.claimed_name', 'error.code'],
    note: 'The claimed name is not proven. Look whether a session from the same source was opened afterwards.',
    threshold: { fields: ['source.ip'], value: 20, distinct: ['countersign.session.claimed_name', 2] },
    falsePositives: ['A job with an expired token that tries again without a pause.'],
  },
  {
    id: 'countersign-denied-requests',
    name: 'Countersign: an identity probes for what it may do',
    description: 'Many requests of one identity were denied in a short time.',
    topics: ['session-events'],
    query: `event.action : "request" and countersign.decision.outcome : "deny" and ${LIVE}`,
    severity: 'medium',
    risk: 47,
    techniques: ['T1078'],
    show: ['user.id', 'countersign.decision.rule', 'countersign.connection', 'message'],
    note: 'A new tool meets a policy that it does not know, or somebody tries what a stolen token can reach.',
    threshold: { fields: ['user.id'], value: 10 },
  },
  {
    id: 'countersign-new-source',
    name: 'Countersign: a machine identity from a new address',
    description:
      'A service account, workload or agent logged in from an address that it had not used in a fortnight.',
    topics: ['session-events'],
    query: `event.action : "session_opened" and countersign.identity.kind : ("service_account" or "workload" or "ai_agent") and ${LIVE}`,
    severity: 'low',
    risk: 21,
    techniques: ['T1078'],
    show: [
      'user.id',
      'source.ip',
      'user_agent.name',
      'countersign.identity.credential_source',
      'countersign.identity.token_id',
    ],
    note: 'Countersign’s own baseline weighs this together with tool, hours and commands. This rule is for those who want to see each.',
    newTerms: { fields: ['user.id', 'source.ip'], history: 'now-14d' },
    falsePositives: [
      'Runners with changing addresses. Leave the rule off for their credential source by an exception.',
    ],
  },
  {
    id: 'countersign-whole-table-destroyed',
    name: 'Countersign: a whole object was destroyed',
    description: 'A request that drops, truncates or deletes all of an object was let through.',
    topics: ['session-events'],
    query: `event.action : "request" and countersign.request.whole : true and countersign.request.actions : ("drop" or "truncate" or "delete") and countersign.decision.outcome : ("allow" or "mask") and ${LIVE}`,
    severity: 'high',
    risk: 73,
    techniques: ['T1485'],
    show: ['user.id', 'countersign.connection', 'countersign.request.touched', 'message'],
    note: 'Held requests that were allowed later are decision events. Ask the identity, then look at its other requests.',
    falsePositives: ['Migrations and jobs that rebuild their tables.'],
  },
  {
    id: 'countersign-lockout-released',
    name: 'Countersign: a lockout was released',
    description: 'A person released a lockout: the subject can work again.',
    topics: ['control'],
    query: 'event.action : "lockout" and countersign.lockout.released_by : *',
    severity: 'low',
    risk: 21,
    techniques: ['T1098'],
    show: [
      'countersign.lockout.subject',
      'countersign.lockout.released_by',
      'countersign.incident.id',
      'event.reason',
    ],
    note: 'See that its incident was closed as benign, or that the credential was replaced first.',
  },
  {
    id: 'countersign-bulk-read',
    name: 'Countersign: one identity reads very much',
    description: 'Ten answers or more of 100,000 rows or more to one identity within an hour.',
    topics: ['session-events'],
    query: `event.action : "response" and countersign.response.rows >= 100000 and ${LIVE}`,
    severity: 'medium',
    risk: 47,
    techniques: ['T1213'],
    show: ['user.id', 'countersign.connection', 'countersign.response.rows', 'destination.bytes'],
    note: 'Countersign’s baselines know what is usual for the identity; this is a fixed bound for all.',
    threshold: { fields: ['user.id'], value: 10 },
    falsePositives: ['Backups and exports. Add exceptions for their identities.'],
  },
];

function threat(techniques: readonly string[]): object[] {
  return techniques.map((id) => {
    const { name, tactic } = TECHNIQUES[id]!;
    return {
      framework: 'MITRE ATT&CK',
      tactic: { id: tactic[0], name: tactic[1], reference: `https://attack.mitre.org/tactics/${tactic[0]}/` },
      technique: [{ id, name, reference: `https://attack.mitre.org/techniques/${id}/`, subtechnique: [] }],
    };
  });
}

/** Severities of ours that Elastic Security calls otherwise. */
const SEVERITY_VALUES: readonly (readonly [value: string, severity: Severity])[] = [
  ['informational', 'low'],
  ['low', 'low'],
  ['medium', 'medium'],
  ['high', 'high'],
  ['critical', 'critical'],
];

/** What the kind of a rule adds: matches, counts, or what was not there before. */
function kindOf(plan: Plan): object {
  const base = { language: 'kuery', query: plan.query };
  if (plan.threshold !== undefined) {
    const { fields, value, distinct } = plan.threshold;
    const cardinality = distinct === undefined ? [] : [{ field: groupable(distinct[0]), value: distinct[1] }];
    return { ...base, type: 'threshold', threshold: { field: fields.map(groupable), value, cardinality } };
  }
  if (plan.newTerms !== undefined) {
    const { fields, history } = plan.newTerms;
    return {
      ...base,
      type: 'new_terms',
      new_terms_fields: fields.map(groupable),
      history_window_start: history,
    };
  }
  if (plan.suppressBy === undefined) return { ...base, type: 'query' };
  return {
    ...base,
    type: 'query',
    alert_suppression: {
      group_by: plan.suppressBy.map(groupable),
      duration: { value: 1, unit: 'h' },
      missing_fields_strategy: 'suppress',
    },
  };
}

export function detectionRule(prefix: string, plan: Plan): object {
  const { takesOver = {} } = plan;
  plan.show.forEach(fieldType);
  const isSlow = plan.threshold !== undefined || plan.newTerms !== undefined;
  return {
    rule_id: plan.id,
    name: plan.name,
    description: plan.description,
    ...kindOf(plan),
    index: plan.topics.map((topic) => `${prefix}-${topic}`),
    severity: plan.severity,
    severity_mapping:
      takesOver.severity === undefined
        ? []
        : SEVERITY_VALUES.map(([value, severity]) => ({
            field: groupable(takesOver.severity!),
            operator: 'equals',
            value,
            severity,
          })),
    risk_score: plan.risk,
    risk_score_mapping:
      takesOver.risk === undefined
        ? []
        : [{ field: groupable(takesOver.risk), operator: 'equals', value: '' }],
    ...(takesOver.name === undefined ? {} : { rule_name_override: groupable(takesOver.name) }),
    enabled: false,
    immutable: false,
    interval: isSlow ? '15m' : '1m',
    from: isSlow ? 'now-75m' : 'now-6m',
    to: 'now',
    max_signals: 1000,
    author: ['Countersign'],
    license: 'Apache-2.0',
    tags: ['Countersign'],
    references: [],
    false_positives: plan.falsePositives ?? [],
    investigation_fields: { field_names: plan.show },
    note: plan.note,
    setup: 'Needs the data streams of Countersign (docs/elasticsearch.md).',
    threat: threat(plan.techniques),
    exceptions_list: [],
    actions: [],
    related_integrations: [],
    required_fields: [],
    version: 1,
  };
}

/** Lines of an export of rules, with its closing line. */
export function detectionRuleLines(prefix: string): string {
  const rules = PLANS.map((plan) => detectionRule(prefix, plan));
  const details = {
    exported_count: rules.length,
    exported_rules_count: rules.length,
    missing_rules: [],
    missing_rules_count: 0,
    exported_exception_list_count: 0,
    exported_exception_list_item_count: 0,
    missing_exception_list_item_count: 0,
    missing_exception_list_items: [],
    missing_exception_lists: [],
    missing_exception_lists_count: 0,
    exported_action_connector_count: 0,
    missing_action_connection_count: 0,
    missing_action_connections: [],
    excluded_action_connection_count: 0,
    excluded_action_connections: [],
  };
  return `${[...rules, details].map((line) => JSON.stringify(line)).join('\n')}\n`;
}
