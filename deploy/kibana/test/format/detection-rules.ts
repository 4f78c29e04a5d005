/**
 * A rule as Elastic Security imports it, written down from x-pack/solutions/security/plugins/security_solution/common/api/
 * detection_engine/model/rule_schema/*.schema.yaml (8.19 and 9): required fields, and those optional ones that we use.
 */
import Type, { type TProperties } from 'typebox';

const strict = <P extends TProperties>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });
const text = Type.String({ minLength: 1 });
const none = Type.Array(Type.Never());
const severity = Type.Union(['low', 'medium', 'high', 'critical'].map((one) => Type.Literal(one)));
const duration = Type.String({ pattern: '^[1-9]\\d*[smhd]$' });
const field = text;

const shared = {
  rule_id: text,
  name: text,
  description: text,
  severity,
  severity_mapping: Type.Array(strict({ field, operator: Type.Literal('equals'), value: text, severity })),
  risk_score: Type.Integer({ minimum: 0, maximum: 100 }),
  risk_score_mapping: Type.Array(strict({ field, operator: Type.Literal('equals'), value: Type.String() })),
  rule_name_override: Type.Optional(field),
  enabled: Type.Boolean(),
  immutable: Type.Literal(false),
  interval: duration,
  from: Type.String({ pattern: '^now-[1-9]\\d*[smhd]$' }),
  to: Type.Literal('now'),
  max_signals: Type.Integer({ minimum: 1 }),
  author: Type.Array(text),
  license: text,
  tags: Type.Array(text),
  references: none,
  false_positives: Type.Array(text),
  investigation_fields: strict({ field_names: Type.Array(text, { minItems: 1 }) }),
  note: text,
  setup: text,
  threat: Type.Array(
    strict({
      framework: Type.Literal('MITRE ATT&CK'),
      tactic: strict({
        id: Type.String({ pattern: '^TA\\d{4}$' }),
        name: text,
        reference: Type.String({ pattern: '^https://attack\\.mitre\\.org/tactics/TA\\d{4}/$' }),
      }),
      technique: Type.Array(
        strict({
          id: Type.String({ pattern: '^T\\d{4}$' }),
          name: text,
          reference: Type.String({ pattern: '^https://attack\\.mitre\\.org/techniques/T\\d{4}/$' }),
          subtechnique: none,
        }),
        { minItems: 1 },
      ),
    }),
    { minItems: 1 },
  ),
  exceptions_list: none,
  actions: none,
  related_integrations: none,
  required_fields: none,
  version: Type.Integer({ minimum: 1 }),
  index: Type.Array(text, { minItems: 1 }),
  language: Type.Literal('kuery'),
  query: text,
};

export const Rule = Type.Union([
  strict({
    ...shared,
    type: Type.Literal('query'),
    alert_suppression: Type.Optional(
      strict({
        group_by: Type.Array(field, { minItems: 1, maxItems: 3 }),
        duration: strict({
          value: Type.Integer({ minimum: 1 }),
          unit: Type.Union(['s', 'm', 'h'].map((unit) => Type.Literal(unit))),
        }),
        missing_fields_strategy: Type.Union([Type.Literal('doNotSuppress'), Type.Literal('suppress')]),
      }),
    ),
  }),
  strict({
    ...shared,
    type: Type.Literal('threshold'),
    threshold: strict({
      field: Type.Array(field, { maxItems: 5 }),
      value: Type.Integer({ minimum: 1 }),
      cardinality: Type.Array(strict({ field, value: Type.Integer({ minimum: 0 }) }), { maxItems: 1 }),
    }),
  }),
  strict({
    ...shared,
    type: Type.Literal('new_terms'),
    new_terms_fields: Type.Array(field, { minItems: 1, maxItems: 3 }),
    history_window_start: Type.String({ pattern: '^now-[1-9]\\d*[smhd]$' }),
  }),
]);

export const RuleExportDetails = Type.Object(
  {
    exported_count: Type.Integer(),
    exported_rules_count: Type.Integer(),
    missing_rules_count: Type.Literal(0),
  },
  { additionalProperties: Type.Union([Type.Literal(0), none]) },
);
