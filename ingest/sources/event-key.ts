/** Key that a session event stands under in its topic (DESIGN: Contracts, Identity). */
import { isIPv4, isIPv6 } from 'node:net';
import type { SessionEvent } from '../../schemas/types.ts';

/** /24 of an IPv4 address, /48 of an IPv6 one; the address itself where it is neither. */
export function sourceNetwork(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1] ?? ip;
  if (isIPv4(mapped)) return `${mapped.split('.').slice(0, 3).join('.')}.0/24`;
  if (!isIPv6(mapped)) return mapped;
  const [head = '', tail] = mapped.split('%')[0]!.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':');
    while (groups.length + after.length < 8) groups.push('0');
    groups.push(...after);
  }
  const [a, b, c] = groups.map((group) => Number.parseInt(group, 16).toString(16));
  return `${a}:${b}:${c}::/48`;
}

/** The identity; before login the source network; the gateway's name for its own events. */
export function sessionEventKey(event: SessionEvent): string {
  if (event.identity !== null) return event.identity.id;
  return event.client === null ? event.gateway.id : sourceNetwork(event.client.ip);
}
