/** The policy that a configuration asks for: rules, a bundle, an OPA server. */
import type { PolicyConfig } from '../../schemas/config/policy.ts';
import { createAskedPolicy } from './asked-policy.ts';
import { createDecisionLog } from './decision-log/decision-log.ts';
import type { EngineDeps } from './engine.ts';
import { createOpaEngine } from './opa-engine.ts';
import { createRegoEngine } from './rego/rego-engine.ts';
import { createReplaceablePolicy, type EnginePolicy, type ReplaceablePolicy } from './replaceable-policy.ts';

export interface PolicyDeps extends EngineDeps {
  readonly gatewayId: string;
  readonly programVersion: string;
}

/** Decides after `start`, and denies until it can. Throws POLICY_INVALID for rules that cannot be. */
export function createPolicy(deps: PolicyDeps, config: PolicyConfig): ReplaceablePolicy {
  return createReplaceablePolicy(config.rules, createEnginePolicy(deps, config));
}

/** What evaluates Rego for it; undefined where only rules decide. */
export function createEnginePolicy(deps: PolicyDeps, config: PolicyConfig): EnginePolicy | undefined {
  const { kind, rego, opa } = config;
  if (kind === 'built_in') return undefined;
  // The configuration's check has said so by name.
  if ((kind === 'rego' ? rego : opa) === undefined)
    throw new Error(`policy.kind ${kind} without its section`);
  const engine = kind === 'rego' ? createRegoEngine(deps, rego!) : createOpaEngine(deps, opa!);
  const decisionLog = config.decisionLog === undefined ? null : createDecisionLog(deps, config.decisionLog);
  const caching = kind === 'rego' ? { ...rego!, cacheMs: null } : opa!;
  return {
    policy: createAskedPolicy({ engine, decisionLog }, caching),
    refresh: () => engine.refresh(),
    fault: () => engine.fault(),
    start: () => engine.start(),
    async close() {
      engine.close();
      await decisionLog?.close();
    },
  };
}
