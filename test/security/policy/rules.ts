/** A policy that looks at columns, objects and whole tables. */
import type { Config } from '../../../schemas/config/config.ts';

export const FINE_POLICY: Config['policy']['rules'] = [
  { name: 'opaque', actions: ['opaque_code'], outcome: 'deny', reason: 'nobody can see what it does' },
  {
    name: 'pay',
    objects: ['hr.victim_staff'],
    columns: ['salary', 'iban'],
    outcome: 'deny',
    reason: 'what people earn is theirs',
  },
  { name: 'secrets', objects: ['hr.victim_secrets'], outcome: 'deny', reason: 'nobody reads that' },
  {
    name: 'whole-writes',
    actions: ['write', 'delete'],
    whole: true,
    outcome: 'deny',
    reason: 'one row after another',
  },
  {
    name: 'destruction',
    actions: ['delete', 'drop', 'truncate', 'alter', 'grant', 'revoke', 'role_change'],
    outcome: 'deny',
    reason: 'that is not for machines',
  },
  { name: 'high', riskAtLeast: 'high', outcome: 'deny', reason: 'high risk' },
  { name: 'rest', outcome: 'allow', reason: 'nothing speaks against it' },
];
