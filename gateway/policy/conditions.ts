/** Who, where and when, compiled: each condition by the name of its field, so that it can be said which of them failed. */
import type { PolicyRule } from '../../schemas/config/policy-rule.ts';
import type { Client, Identity, Target } from '../../schemas/types.ts';
import { compileGlobs } from './globs.ts';
import { compileHours } from './hours.ts';
import { compileNetworks } from './networks.ts';

/** What does not change while a session lasts. */
export interface Standing {
  readonly identity: Identity;
  readonly client: Client;
  readonly target: Target;
}

export interface Condition {
  readonly field: string;
  holds(standing: Standing): boolean;
}

export interface Conditions {
  readonly fixed: readonly Condition[];
  readonly hours: ((nowMs: number) => boolean) | undefined;
}

type Given = NonNullable<PolicyRule['unless']>;

/** What is wrong with a condition. */
export class BadCondition extends Error {}

function orBad<T>(compiled: T | { readonly reason: string }): T {
  if (typeof compiled === 'object' && compiled !== null && 'reason' in compiled)
    throw new BadCondition(compiled.reason);
  return compiled;
}

/** Throws BadCondition with the reason. */
export function compileConditions(given: Given): Conditions {
  const fixed: Condition[] = [];
  const add = (field: string, holds: Condition['holds']): void => void fixed.push({ field, holds });
  const text = (
    field: keyof Given,
    patterns: readonly string[] | undefined,
    values: (standing: Standing) => readonly (string | null)[],
  ): void => {
    const matches = compileGlobs(patterns);
    if (matches !== undefined)
      add(field, (standing) => values(standing).some((value) => value !== null && matches(value)));
  };
  const { kinds, attributes, onBehalfOf, networks, hours } = given;
  if (kinds !== undefined) add('kinds', ({ identity }) => kinds.includes(identity.kind));
  text('connections', given.connections, ({ target }) => [target.connection]);
  text('protocols', given.protocols, ({ target }) => [target.protocol]);
  text('identities', given.identities, ({ identity }) => [identity.id, identity.subject]);
  text('credentialSources', given.credentialSources, ({ identity }) => [identity.credentialSource]);
  text('groups', given.groups, ({ identity }) => identity.groups);
  for (const [name, patterns] of Object.entries(attributes ?? {})) {
    const matches = compileGlobs(patterns) ?? ((): boolean => true);
    add(`attributes.${name}`, ({ identity }) => {
      const value = Object.hasOwn(identity.attributes, name) ? identity.attributes[name] : undefined;
      return value !== undefined && matches(value);
    });
  }
  if (onBehalfOf !== undefined) {
    const matches = compileGlobs(onBehalfOf) ?? ((): boolean => true);
    add('onBehalfOf', ({ identity }) => identity.onBehalfOf.some((id) => matches(id)));
  }
  if (networks !== undefined) {
    const matches = orBad(compileNetworks(networks));
    add('networks', ({ client }) => matches(client.ip));
  }
  return { fixed, hours: hours === undefined ? undefined : orBad(compileHours(hours)) };
}
