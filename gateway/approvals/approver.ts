/** Whether a person may decide an approval, and whether what he said before still counts. */
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { Identity, IdentityKind } from '../../schemas/types.ts';
import { compileGlobs } from '../policy/globs.ts';
import type { Factor, StoredApproval } from './approval.ts';
import { approvalError } from './errors.ts';

/** Who decides, as his token says, and the second factor that was checked at this moment. */
export interface Approver {
  readonly identity: Pick<Identity, 'id' | 'kind' | 'groups' | 'credentialSource' | 'onBehalfOf'>;
  readonly factor: Factor | null;
}

/** What is known of an account now. */
export interface Account {
  readonly kind: IdentityKind;
  readonly groups: readonly string[];
  /** Identity id of who answers for it. */
  readonly owner: string | null;
  /** Removed at the provider, or locked out. */
  readonly gone: boolean;
}

const inGroups = (wanted: readonly string[], groups: readonly string[]): boolean => {
  if (wanted.length === 0) return true;
  const matches = compileGlobs(wanted);
  return matches === undefined || groups.some(matches);
};

/**
 * Why this person may not decide; undefined where he may. `owner` is who answers for the requester's account.
 * Refusing needs no second factor: it opens nothing.
 */
export function refusalOfApprover(
  approval: StoredApproval,
  { identity, factor }: Approver,
  granted: boolean,
  owner: string | null,
): CountersignError | undefined {
  const { approvalId, demand } = approval;
  const by = identity.id;
  if (identity.kind !== 'human' || identity.onBehalfOf.length > 0)
    return approvalError('APPROVAL_NOT_A_PERSON', { by });
  const own = (why: string): CountersignError => approvalError('APPROVAL_OWN', { by, approvalId, why });
  if (by === approval.identityId) return own('the requester never decides');
  if (approval.principals.includes(by)) return own('the requester acts for this person');
  if (by === owner) return own('this person owns the account that asks');
  // The provider's application that people log in with is no secret that they share; a machine's source is.
  if (
    approval.credentialSource !== null &&
    approval.identityKind !== 'human' &&
    identity.credentialSource === approval.credentialSource
  )
    return own('both have their credential from the same source');
  if (!inGroups(demand.groups, identity.groups))
    return approvalError('APPROVAL_NOT_SENIOR', { by, approvalId, groups: demand.groups.join(', ') });
  if (approval.words.some((word) => word.by === by))
    return approvalError('APPROVAL_DECIDED_BEFORE', { by, approvalId });
  if (granted && demand.secondFactor && factor === null)
    return approvalError('APPROVAL_FACTOR_NEEDED', { approvalId });
  return undefined;
}

/** What somebody agreed to does not count any more once he is gone or has left the groups. */
export const stillCounts = (approval: StoredApproval, account: Account | undefined): boolean =>
  account !== undefined &&
  !account.gone &&
  account.kind === 'human' &&
  inGroups(approval.demand.groups, account.groups);
