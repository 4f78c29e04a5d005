/** Access given for a time: what it covers is allowed where nobody denies it. */
import type { Action, Target } from '../../schemas/types.ts';
import type { GrantRef } from './decision.ts';
import { compileGlobs } from './globs.ts';

type Covers = (action: Action, target: Target) => boolean;

const compiled = new WeakMap<GrantRef, Covers>();

function coversOf(grant: GrantRef): Covers {
  let covers = compiled.get(grant);
  if (covers === undefined) {
    const actions = compileGlobs(grant.actions);
    const connections = compileGlobs(grant.connections);
    // A template that names none covers all.
    const objects = grant.objects.length === 0 ? undefined : compileGlobs(grant.objects);
    covers = (action, target) =>
      (connections === undefined || connections(target.connection)) &&
      (actions === undefined || actions(action.action)) &&
      (objects === undefined || (action.object !== null && objects(action.object)));
    compiled.set(grant, covers);
  }
  return covers;
}

/** The grant that covers the action now, if any. */
export function grantFor(
  grants: readonly GrantRef[] | undefined,
  action: Action,
  target: Target,
  now: number,
): GrantRef | undefined {
  return grants?.find((grant) => grant.endsAt > now && coversOf(grant)(action, target));
}
