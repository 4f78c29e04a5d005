/** Which partition an event belongs to (DESIGN: identity, before login the source network, never a claimed name). */
import { isIPv4, isIPv6 } from 'node:net';
import type { SessionEvent } from '../../schemas/types.ts';

/** The eight groups of an IPv6 address; its last part may be written as IPv4. */
function groups(ip: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(ip);
  let text = ip;
  if (dotted !== null) {
    const [a, b, c, d] = dotted.slice(2).map(Number) as [number, number, number, number];
    text = `${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [head = '', tail] = text.split('::');
  const parse = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const first = parse(head);
  if (tail === undefined) return first;
  const last = parse(tail);
  return [...first, ...Array<number>(Math.max(0, 8 - first.length - last.length)).fill(0), ...last];
}

/** /24 of an IPv4 address, /48 of an IPv6 address; IPv4 inside IPv6 counts as IPv4. */
export function sourceNetwork(address: string): string {
  const ip = address.split('%')[0]!;
  if (isIPv4(ip)) return `${ip.split('.').slice(0, 3).join('.')}.0/24`;
  if (!isIPv6(ip)) return 'unknown';
  const parts = groups(ip);
  if (parts.slice(0, 5).every((part) => part === 0) && parts[5] === 0xffff)
    return `${parts[6]! >> 8}.${parts[6]! & 0xff}.${parts[7]! >> 8}.0/24`;
  return `${parts
    .slice(0, 3)
    .map((part) => part.toString(16))
    .join(':')}::/48`;
}

export function eventKey(event: SessionEvent): string {
  if (event.body.kind === 'data' && event.session !== null) return event.session.id;
  if (event.identity !== null) return event.identity.id;
  if (event.client !== null) return `net:${sourceNetwork(event.client.ip)}`;
  return `gateway:${event.gateway.id}`;
}
