/** Rules as an installation of some size has them; several match pgbench's statements, one of them with limits. */
import type { PolicyRule } from '../../schemas/config/policy-rule.ts';

/** `count` rules; the last one allows the rest. */
export function manyRules(count: number): PolicyRule[] {
  const rules: PolicyRule[] = [
    { name: 'replication', actions: ['replication'], outcome: 'deny', reason: 'never' },
    {
      name: 'machines-opaque',
      kinds: ['service_account', 'workload', 'ai_agent'],
      actions: ['opaque_code'],
      outcome: 'deny',
      reason: 'cannot be seen',
    },
    {
      name: 'high',
      kinds: ['ai_agent'],
      riskAtLeast: 'high',
      outcome: 'hold_approval',
      reason: 'persons agree',
    },
    {
      name: 'reads',
      actions: ['read'],
      limits: { rowsMax: 1_000_000 },
      outcome: 'allow',
      reason: 'not all of it',
    },
    {
      name: 'tellers',
      objects: ['public.pgbench_tellers'],
      columns: ['filler'],
      outcome: 'deny',
      reason: 'nobody needs it',
    },
    { name: 'office', networks: ['127.0.0.0/8', '10.0.0.0/8'], outcome: 'allow', reason: 'from here' },
  ];
  for (let number = 0; rules.length < count - 1; number += 1) {
    const kind = number % 4;
    rules.push({
      name: `team-${number}`,
      reason: 'theirs',
      outcome: kind === 0 ? 'deny' : 'allow',
      connections: [`team-${number}-*`],
      groups: [`team-${number}`, `leads-${number % 7}`],
      ...(kind === 1 ? { hours: { timeZone: 'Europe/Berlin', from: '07:00', to: '19:00' } } : {}),
      ...(kind === 2 ? { actions: ['write', 'delete'], requires: { reason: true } } : {}),
      ...(kind === 3 ? { objects: [`shop_${number}.*`], limits: { rowsMax: 1000 } } : {}),
    });
  }
  rules.push({ name: 'rest', outcome: 'allow', reason: 'nothing speaks against it' });
  return rules;
}
