/** What a rule asks for beyond matching: not too often, a stated reason, a ticket. */
import type { PolicyRule } from '../../schemas/config/policy-rule.ts';
import type { DecisionInput } from './decision.ts';
import { matchesGlob } from './globs.ts';

/** Why the rule denies for now, or nothing. */
export type Demand = (input: DecisionInput) => string | undefined;

/** How a client of a protocol says why it does something. */
function howToState(protocol: string, field: 'reason' | 'ticket'): string {
  return protocol === 'ssh'
    ? `connect with ssh -o SetEnv=COUNTERSIGN_${field.toUpperCase()}=...`
    : `say SET countersign.${field} = '...' first`;
}

export function compileDemand({ rate, requires }: PolicyRule): Demand | undefined {
  const demands: Demand[] = [];
  if (rate !== undefined) {
    const most = rate.requestsPerMinuteMax;
    const session = rate.per === 'session';
    demands.push(({ usage }) => {
      if (usage === undefined) return undefined;
      const count = session ? usage.sessionRequestsLastMinute : usage.identityRequestsLastMinute;
      return count > most
        ? `more than ${most} requests a minute of this ${session ? 'session' : 'identity'}; try again later`
        : undefined;
    });
  }
  if (requires?.reason === true)
    demands.push(({ reason, target }) =>
      (reason ?? '').trim() === ''
        ? `a reason is needed: ${howToState(target.protocol, 'reason')}`
        : undefined,
    );
  const pattern = requires?.ticket;
  if (pattern !== undefined)
    demands.push(({ ticket, target }) =>
      ticket !== undefined && ticket !== null && ticket !== '' && matchesGlob(pattern, ticket)
        ? undefined
        : `a ticket ${pattern} is needed: ${howToState(target.protocol, 'ticket')}`,
    );
  if (demands.length === 0) return undefined;
  return (input) => {
    for (const demand of demands) {
      const unmet = demand(input);
      if (unmet !== undefined) return unmet;
    }
    return undefined;
  };
}
