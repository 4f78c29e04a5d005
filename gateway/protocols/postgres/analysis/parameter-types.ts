/** Parameters of a Parse whose types are given by object id: their values run what values of these types run, at Bind. */
import { higherRisk } from '../../../policy/risk.ts';
import type { StatementAnalysis } from './analyser.ts';
import type { CatalogueSource, Effects } from './effects.ts';

const ROUNDS_MAX = 64;

/** Undefined where the catalogue cannot be asked. */
async function effectsOf(source: CatalogueSource, oids: readonly number[]): Promise<Effects | undefined> {
  if (!source.isFresh() && !(await source.refresh())) return undefined;
  for (let rounds = 0; rounds <= ROUNDS_MAX; rounds++) {
    const attempt = source.attempt();
    const effects = attempt.view.typeEffectsById(oids);
    if (!attempt.missing) return effects;
    if (!(await attempt.fetch())) return undefined;
  }
  return undefined;
}

/** The analysis of the statement, and what its parameters add; opaque where nobody can say. */
export async function withParameterTypes(
  analysis: StatementAnalysis,
  source: CatalogueSource,
  oids: readonly number[],
): Promise<StatementAnalysis> {
  const effects = await effectsOf(source, oids);
  const hidden = { action: 'opaque_code', objectKind: 'type', object: null, columns: [], whole: false };
  return {
    ...analysis,
    actions: [...analysis.actions, ...(effects?.actions ?? [hidden])],
    risk: higherRisk(analysis.risk, effects?.risk ?? 'high'),
    forcedDenial: analysis.forcedDenial ?? effects?.forcedDenial ?? null,
    changesSessionState: analysis.changesSessionState || effects?.changesSessionState !== false,
    changesCatalogue: analysis.changesCatalogue || effects?.changesCatalogue !== false,
  };
}
