/** A policy whose decisions an engine makes: kept by what of the input counts, asked once for each that is new. */
import { sha256 } from '../../platform/digest/sha256.ts';
import { decisionOfAnswer, denialBy } from './answer-decision.ts';
import { createDecisionCache } from './decision-cache.ts';
import type { DecisionInput, Policy, PolicyDecision } from './decision.ts';
import type { DecisionLog } from './decision-log/decision-log.ts';
import type { Asked, Engine } from './engine.ts';
import { inputDocument } from './input-document.ts';

/** A machine that was starved for a moment must not deny for a minute; a policy that loops must not take the thread from all others. */
const TIMEOUT_KEPT_MS = 5000;

export interface AskedPolicyConfig {
  readonly cachedMax: number;
  /** Null: as long as the document is the same. */
  readonly cacheMs: number | null;
  readonly withUsage: boolean;
}

export function createAskedPolicy(
  { engine, decisionLog }: { readonly engine: Engine; readonly decisionLog: DecisionLog | null },
  config: AskedPolicyConfig,
): Policy {
  const cache = createDecisionCache(config.withUsage ? { ...config, cachedMax: 0 } : config);
  const underWay = new Map<string, Promise<PolicyDecision>>();
  engine.onChange(() => {
    cache.clear();
    underWay.clear();
  });
  const logged = (document: string, asked: Asked, decision: PolicyDecision, cached: boolean): void =>
    decisionLog?.write({ path: engine.path, revision: engine.revision(), document, asked, decision, cached });

  const ask = async (input: DecisionInput, document: string): Promise<PolicyDecision> => {
    const revision = engine.revision();
    const asked = await engine.ask(document);
    const decision = asked.ok ? decisionOfAnswer(asked.result, engine.path) : denialBy(asked.error);
    // What the engine could not decide is tried again; what would take its whole time again, not at once.
    const keeps = asked.ok || asked.error.code === 'POLICY_TIMEOUT';
    if (keeps && engine.revision() === revision)
      cache.keep(input, document, decision, asked.ok ? undefined : TIMEOUT_KEPT_MS);
    logged(document, asked, decision, false);
    return decision;
  };
  return {
    countsIdentities: config.withUsage,
    get version() {
      return sha256(engine.revision()).readUIntBE(0, 6);
    },
    decide(input) {
      const quick = cache.quick(input);
      if (quick !== undefined && decisionLog?.takesCached !== true) return quick;
      const document = JSON.stringify(inputDocument(input, config.withUsage));
      const known = quick ?? cache.find(input, document);
      if (known !== undefined) {
        if (decisionLog?.takesCached === true)
          logged(document, { ok: true, result: undefined, micros: 0 }, known, true);
        return known;
      }
      const waiting = underWay.get(document);
      if (waiting !== undefined) return waiting;
      const asked = ask(input, document).finally(() => {
        if (underWay.get(document) === asked) underWay.delete(document);
      });
      underWay.set(document, asked);
      return asked;
    },
  };
}
