import type { SessionEvent } from '../../schemas/types.ts';
import { networkName } from './network-name.ts';

/**
 * Key of an event's state: the identity, before login the source network, else the gateway. Exercises have a name space of their
 * own, so that they never touch what was learned of real identities.
 */
export function identityKey(event: SessionEvent): string {
  const own =
    event.identity?.id ??
    (event.client === null ? `gateway:${event.gateway.id}` : `network:${networkName(event.client.ip)}`);
  return nameSpace(event) + own;
}

export const nameSpace = ({ exerciseId }: SessionEvent): string =>
  exerciseId === null ? '' : `exercise:${exerciseId}/`;
