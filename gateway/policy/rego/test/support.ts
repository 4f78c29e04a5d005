/** An engine over a bundle, and decisions of it. */
import { createSystemClock, createSystemRandom } from '../../../../platform/clock/system-clock.ts';
import { silentLogger } from '../../../../platform/log/pino-logger.ts';
import { quietMetrics } from '../../../../test/support/quiet-metrics.ts';
import type { RegoConfig } from '../../../../schemas/config/policy-engines.ts';
import { createAskedPolicy } from '../../asked-policy.ts';
import type { DecisionInput, Policy, PolicyDecision } from '../../decision.ts';
import type { Engine, EngineDeps } from '../../engine.ts';
import { action, identity, input } from '../../test/support.ts';
import { createRegoEngine } from '../rego-engine.ts';
import { FIXTURE } from './make-fixture.ts';

export const clock = createSystemClock();

export const deps: EngineDeps = {
  clock,
  random: createSystemRandom(),
  log: silentLogger,
  metrics: quietMetrics,
  readSecret: (reference) => Promise.resolve('env' in reference ? `secret-of-${reference.env}` : 'a secret'),
};

export const regoConfig = (part: Partial<RegoConfig> = {}): RegoConfig => ({
  bundleFile: FIXTURE,
  pollMs: 50,
  entrypoint: 'countersign/decision',
  // Far from what an evaluation takes, on a machine that does much else.
  deadlineMs: 5000,
  memoryBytesMax: 64 * 1024 * 1024,
  bundleBytesMax: 16 * 1024 * 1024,
  waitingMax: 1000,
  withUsage: false,
  cachedMax: 1000,
  ...part,
});

export interface Running {
  readonly engine: Engine;
  readonly policy: Policy;
  decide(part?: Partial<DecisionInput>): Promise<PolicyDecision>;
}

const engines = new Set<Engine>();
export function closeAll(): void {
  for (const engine of engines) engine.close();
  engines.clear();
}

export async function start(part: Partial<RegoConfig> = {}): Promise<Running> {
  const config = regoConfig(part);
  const engine = createRegoEngine(deps, config);
  engines.add(engine);
  await engine.start();
  const policy = createAskedPolicy({ engine, decisionLog: null }, { ...config, cacheMs: null });
  return { engine, policy, decide: async (given) => await policy.decide(input(given)) };
}

export const AGENT = identity({ id: 'countersign/bot', kind: 'ai_agent' });
export const READER = identity({ groups: ['readers'] });
export const DBA = identity({ groups: ['dba'] });

/** Commands with what the policy of the tests must say to them. */
export const EXPECTED: readonly [string, Partial<DecisionInput>, Partial<PolicyDecision>][] = [
  ['a reader reads', { identity: READER }, { outcome: 'allow', rule: 'groups' }],
  ['a reader writes', { identity: READER, actions: [action('write')] }, { outcome: 'deny', rule: 'default' }],
  ['a dba alters', { identity: DBA, actions: [action('alter')] }, { outcome: 'allow', rule: 'groups' }],
  [
    'a dba drops',
    { identity: DBA, actions: [action('drop')] },
    {
      outcome: 'hold_approval',
      rule: 'drops',
      approval: { approvals: 2, groups: ['dba'], secondFactor: true, scope: 'statement', validMs: 900_000 },
    },
  ],
  [
    'opaque code beside a drop',
    { identity: DBA, actions: [action('drop'), action('opaque_code', null)] },
    { outcome: 'deny', rule: 'opaque' },
  ],
  [
    'an agent reads',
    { identity: AGENT },
    { outcome: 'allow', rule: 'agents-read', limits: { rowsMax: 1000 } },
  ],
  [
    'an agent reads elsewhere',
    { identity: AGENT, actions: [action('read', 'hr.staff')] },
    { outcome: 'deny' },
  ],
  ['nobody that is known', { identity: identity() }, { outcome: 'deny', rule: 'default' }],
];
