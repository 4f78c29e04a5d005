/** What automation may contain: no break-glass identity, and so many identities within its budgets. */
import type { Clock } from '../../platform/clock/clock.ts';
import type { ControlTransaction } from '../../platform/control-store/control-store.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { GatewayConfig } from '../../schemas/config/gateway.ts';
import type { SubjectKind } from '../../schemas/types.ts';
import { breakGlassAmong, identitiesHit, tokensOf } from './affected.ts';
import { lookAtBudget, spendBudget, type Budget } from './budget.ts';
import { controlError } from './errors.ts';

/** Bounds for automation; absent for people. */
export interface Automation {
  /** A budget besides the one over all automation. */
  readonly budget?: Budget | undefined;
}

export type PermitConfig = Pick<GatewayConfig, 'lockoutBudget' | 'breakGlassIdentities'>;

interface Containment {
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  readonly automation: Automation | null;
  readonly identityIds?: readonly string[] | undefined;
}

const AUTOMATION_BUDGET = 'automation';

/** The narrower one first: what it refuses must cost nothing in the wider one. */
export function budgetsOf(config: PermitConfig, automation: Automation | null): Budget[] {
  if (automation === null) return [];
  const wide = { name: AUTOMATION_BUDGET, ...config.lockoutBudget };
  const { budget } = automation;
  return budget === undefined ? [wide] : [{ ...budget, name: `playbook ${budget.name}` }, wide];
}

/**
 * Identities that a containment hits; all that `permit` will ask, and the tokens, are asked for at the same time: past one machine each
 * question that waits for another costs a round trip.
 */
export async function lookAhead(
  config: PermitConfig,
  transaction: ControlTransaction,
  { subjectKind, subject, automation, identityIds = [] }: Containment,
): Promise<string[]> {
  const tokens = tokensOf(transaction, subjectKind, subject);
  tokens.catch(() => undefined);
  const known = subjectKind === 'identity' ? [...identityIds, subject] : identityIds;
  const [hit] = await Promise.all([
    identitiesHit(transaction, subjectKind, subject, identityIds),
    ...(automation === null ? [] : [breakGlassAmong(transaction, known, [])]),
    ...budgetsOf(config, automation).map((budget) => lookAtBudget(transaction, budget)),
  ]);
  return hit;
}

/** Budget and break-glass; nothing is written where it refuses. */
export async function permit(
  { clock, config }: { readonly clock: Clock; readonly config: PermitConfig },
  transaction: ControlTransaction,
  automation: Automation | null,
  identityIds: readonly string[],
): Promise<CountersignError | undefined> {
  if (automation === null) return undefined;
  const identityId = await breakGlassAmong(transaction, identityIds, config.breakGlassIdentities);
  if (identityId !== undefined) return controlError('LOCKOUT_BREAK_GLASS', { identityId });
  const now = clock.now();
  for (const budget of budgetsOf(config, automation)) {
    const refused = await spendBudget(transaction, budget, identityIds, now);
    if (refused !== undefined) return refused;
  }
  return undefined;
}
