/** IP addresses as the rooms look at them: what is this machine, and which network an address belongs to. */
import { isIP, isIPv4, isIPv6 } from 'node:net';

const GROUPS = 8;

/** The eight groups of an IPv6 address (RFC 4291, section 2.2); its last part may be written as IPv4. */
function groupsOf(ip: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(ip);
  let text = ip;
  if (dotted !== null) {
    const [a, b, c, d] = dotted.slice(2).map(Number) as [number, number, number, number];
    text = `${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const parse = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [head = '', tail] = text.split('::');
  const first = parse(head);
  if (tail === undefined) return first;
  const last = parse(tail);
  return [...first, ...Array<number>(Math.max(0, GROUPS - first.length - last.length)).fill(0), ...last];
}

/** Without its zone, and an IPv4 address in IPv6's clothes (::ffff:a.b.c.d, RFC 4291, section 2.5.5.2) as plain IPv4; any other text as it is. */
export function normalAddress(address: string): string {
  const [ip = ''] = address.split('%');
  if (!isIPv6(ip)) return address;
  const groups = groupsOf(ip);
  if (groups[5] !== 0xffff || groups.slice(0, 5).some((group) => group !== 0)) return ip;
  const [high = 0, low = 0] = groups.slice(6);
  return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
}

/** True for addresses of this machine, also IPv4 mapped into IPv6, and for `localhost`. */
export function isLoopback(host: string): boolean {
  const plain = normalAddress(host);
  if (isIPv4(plain)) return plain.startsWith('127.');
  if (isIPv6(plain)) return groupsOf(plain).every((group, index) => group === (index === GROUPS - 1 ? 1 : 0));
  return plain === 'localhost';
}

/** The /24 of an IPv4 address, the /48 of an IPv6 address; undefined for text that is no address. */
export function sourceNetwork(address: string): string | undefined {
  const plain = normalAddress(address);
  if (isIP(plain) === 0) return undefined;
  if (isIPv4(plain)) return `${plain.slice(0, plain.lastIndexOf('.'))}.0/24`;
  const first = groupsOf(plain).slice(0, 3);
  return `${first.map((group) => group.toString(16)).join(':')}::/48`;
}
