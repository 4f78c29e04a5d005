import Type from 'typebox';
import { DecisionLogConfig, OpaConfig, RegoConfig } from './policy-engines.ts';
import { PolicyRule } from './policy-rule.ts';

export { PolicyRule } from './policy-rule.ts';

/** The policy on single commands (`policy`); how long a hold lasts and what detection lag does stand in gateway.ts. */
export const PolicyConfig = Type.Object(
  {
    kind: Type.Union([Type.Literal('built_in'), Type.Literal('rego'), Type.Literal('opa')], {
      description:
        'built_in: the rules below. rego: an OPA bundle evaluated in the gateway. opa: an OPA server is asked. With the latter two, rules count as well where there are any, and the stricter of both decides.',
      default: 'built_in',
    }),
    rules: Type.Array(PolicyRule, {
      description:
        'Rules. With any rule at all, what none of them matches is denied. None, and none in the folders: the shipped default policy (gateway/policy/default-policy.yaml).',
      maxItems: 10_000,
      default: [],
    }),
    folders: Type.Array(Type.String({ minLength: 1 }), {
      description:
        'Folders with policy files (*.yaml, *.yml), taken in the order of their names after the rules above.',
      maxItems: 32,
      default: [],
    }),
    rego: Type.Optional(RegoConfig),
    opa: Type.Optional(OpaConfig),
    decisionLog: Type.Optional(DecisionLogConfig),
  },
  { additionalProperties: false, description: 'What identities may do, command by command.', default: {} },
);
export type PolicyConfig = Type.Static<typeof PolicyConfig>;
