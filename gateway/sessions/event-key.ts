/** Which partition an event belongs to (DESIGN: identity, before login the source network, never a claimed name). */
import type { SessionEvent } from '../../schemas/types.ts';
import { sourceNetwork } from '../../platform/network/address.ts';

export function eventKey(event: SessionEvent): string {
  if (event.body.kind === 'data' && event.session !== null) return event.session.id;
  if (event.identity !== null) return event.identity.id;
  if (event.client !== null) return `net:${sourceNetwork(event.client.ip) ?? 'unknown'}`;
  return `gateway:${event.gateway.id}`;
}
