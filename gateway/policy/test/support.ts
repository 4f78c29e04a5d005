/** Inputs and rules for tests of the policy. */
import type { PolicyRule } from '../../../schemas/config/policy-rule.ts';
import type { Action, Identity } from '../../../schemas/types.ts';
import type { DecisionInput } from '../decision.ts';

export const MONDAY_NOON = Date.parse('2026-01-05T12:00:00Z');

export const identity = (part: Partial<Identity> = {}): Identity => ({
  id: 'https://idp.example/anna',
  issuer: 'https://idp.example',
  subject: 'anna',
  kind: 'human',
  displayName: 'Anna',
  groups: [],
  credentialSource: null,
  tokenId: null,
  issuedAt: null,
  expiresAt: null,
  onBehalfOf: [],
  attributes: {},
  ...part,
});

export const action = (
  name: string,
  object: string | null = 'public.orders',
  more: Partial<Action> = {},
): Action => ({
  action: name,
  objectKind: object === null ? null : 'table',
  object,
  columns: [],
  whole: false,
  ...more,
});

export const input = (part: Partial<DecisionInput> = {}): DecisionInput => ({
  identity: identity(),
  client: { ip: '192.0.2.7', port: 5, tool: null, version: null },
  target: { connection: 'orders', protocol: 'postgres', host: 'h', port: 1, database: null, role: null },
  actions: [action('read')],
  risk: 'low',
  fingerprint: null,
  now: MONDAY_NOON,
  ...part,
});

export const rule = (name: string, part: Partial<PolicyRule> & Pick<PolicyRule, 'outcome'>): PolicyRule => ({
  name,
  reason: 'because',
  ...part,
});

export const ALLOWED = rule('rest', { outcome: 'allow' });
