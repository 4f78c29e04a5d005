/** Risk classes in their order, and the names of actions whose kind chooses one. */
import type { RiskClass } from '../../schemas/types.ts';

/** From the least to the greatest. */
export const RISKS: readonly RiskClass[] = ['none', 'low', 'medium', 'high', 'critical'];

/** The higher of two risk classes. */
export function higherRisk(one: RiskClass, other: RiskClass): RiskClass {
  return RISKS.indexOf(one) >= RISKS.indexOf(other) ? one : other;
}

/** A row of a protocol's vocabulary of actions. */
export interface ActionRow {
  readonly risk: RiskClass;
  readonly means: string;
}

/** `delete.whole` is the action `delete`: what stands behind the dot only chooses the risk. */
export function actionName(kind: string): string {
  const dot = kind.indexOf('.');
  return dot === -1 ? kind : kind.slice(0, dot);
}
