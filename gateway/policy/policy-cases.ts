/** The examples that rules carry, held against the whole policy. */
import type { PolicyCase, PolicyConfig } from '../../schemas/config/policy.ts';
import type { Outcome } from '../../schemas/types.ts';
import { createBuiltInPolicy } from './built-in-policy.ts';
import type { DecisionInput } from './decision.ts';

export interface PolicyCaseFailure {
  readonly rule: string;
  readonly name: string;
  readonly expected: Outcome;
  readonly actual: Outcome;
  /** Rule that decided instead. */
  readonly decidedBy: string;
}

/** Failures of all cases, none where all hold. Throws POLICY_INVALID for a policy that cannot be made. */
export function checkPolicyCases(config: Pick<PolicyConfig, 'rules'>): readonly PolicyCaseFailure[] {
  const policy = createBuiltInPolicy(config);
  const failures: PolicyCaseFailure[] = [];
  for (const rule of config.rules) {
    for (const example of rule.cases ?? []) {
      const { outcome, rule: decidedBy } = policy.decide(inputOf(example));
      // Until approvals exist, a hold for approval is a denial.
      const expected = example.outcome === 'hold_approval' ? 'deny' : example.outcome;
      if (outcome !== expected)
        failures.push({ rule: rule.name, name: example.name, expected, actual: outcome, decidedBy });
    }
  }
  return failures;
}

function inputOf(example: PolicyCase): DecisionInput {
  const id = example.identity ?? 'countersign/someone';
  const slash = id.lastIndexOf('/');
  return {
    identity: {
      id,
      issuer: slash === -1 ? 'countersign' : id.slice(0, slash),
      subject: id.slice(slash + 1),
      kind: example.kind ?? 'human',
      displayName: id,
      groups: example.groups ?? [],
      credentialSource: example.credentialSource ?? null,
      tokenId: null,
      issuedAt: null,
      expiresAt: null,
      onBehalfOf: [],
      attributes: {},
    },
    client: { ip: example.ip ?? '192.0.2.1', port: 40_000, tool: null, version: null },
    target: {
      connection: example.connection ?? 'any',
      protocol: example.protocol ?? 'postgres',
      host: 'target.example',
      port: 5432,
      database: null,
      role: null,
    },
    actions: [
      {
        action: example.action ?? 'read',
        objectKind: null,
        object: example.object ?? null,
        columns: [],
        whole: false,
      },
    ],
    risk: example.risk ?? 'low',
    fingerprint: null,
    now: Date.parse(example.time ?? '2026-01-05T12:00:00Z'),
  };
}
