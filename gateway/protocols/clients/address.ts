/** Addresses: what counts as this machine, and which network a failed login counts against. */
import { isIPv6 } from 'node:net';

/** True for names and addresses of this machine, also IPv4 mapped into IPv6. */
export function isLoopback(host: string): boolean {
  const plain = normalAddress(host);
  return plain === 'localhost' || plain === '::1' || /^127\.\d+\.\d+\.\d+$/.test(plain);
}

/** IPv4 mapped into IPv6 as plain IPv4. */
export function normalAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** The /24 of an IPv4 address, the /48 of an IPv6 address. */
export function sourceNetwork(address: string): string {
  const plain = normalAddress(address);
  if (!isIPv6(plain)) return `${plain.split('.').slice(0, 3).join('.')}.0/24`;
  const [head = '', tail = ''] = plain.split('%')[0]!.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const zeros = plain.includes('::') ? Math.max(0, 8 - left.length - right.length) : 0;
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  return `${groups.slice(0, 3).join(':')}::/48`;
}
