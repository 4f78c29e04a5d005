/** Key that a session event stands under in its topic (DESIGN: Contracts, Identity); the gateway writes the same. */
import { sourceNetwork } from '../../platform/network/address.ts';
import type { SessionEvent } from '../../schemas/types.ts';

/** The identity; before login the source network; the gateway's name for its own events. */
export function sessionEventKey(event: SessionEvent): string {
  if (event.identity !== null) return event.identity.id;
  if (event.client !== null) return `net:${sourceNetwork(event.client.ip) ?? 'unknown'}`;
  return `gateway:${event.gateway.id}`;
}
