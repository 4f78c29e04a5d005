/**
 * A detection rule for Elastic Security, as its rule export has it (Detections API, 8.19 and 9).
 */
import { fieldType, groupable } from './fields.ts';

export type Severity = 'low' | 'medium' | 'high' | 'critical';

export interface RulePlan {
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
function kindOf(plan: RulePlan): object {
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

export function detectionRule(prefix: string, plan: RulePlan): object {
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
