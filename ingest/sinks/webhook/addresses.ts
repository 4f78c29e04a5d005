/** Which addresses a webhook may be at: a URL must not make this program talk to a cloud's metadata service. */
import { lookup as dnsLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

const NEVER = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  NEVER.addSubnet(network, bits, 'ipv4');
for (const [network, bits] of [
  ['::', 128],
  ['fe80::', 10],
  ['ff00::', 8],
  // Metadata services of Amazon and of Google.
  ['fd00:ec2::', 32],
  ['fd20:ce::', 32],
] as const)
  NEVER.addSubnet(network, bits, 'ipv6');

const PRIVATE = new BlockList();
for (const [network, bits] of [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const)
  PRIVATE.addSubnet(network, bits, 'ipv4');
PRIVATE.addSubnet('::1', 128, 'ipv6');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');

/** Whether it may be connected to. IPv4 inside IPv6 is judged as IPv4. */
export function isAllowedAddress(address: string, privateAddresses: boolean): boolean {
  const plain = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  const family = isIP(plain);
  if (family === 0) return false;
  const kind = family === 6 ? 'ipv6' : 'ipv4';
  return !NEVER.check(plain, kind) && (privateAddresses || !PRIVATE.check(plain, kind));
}

/**
 * Looks a host up as the system does and fails where none of its addresses is allowed. The address that is checked is the one
 * that is connected to, so a name that changes between the two gains nothing.
 */
export function createGuardedLookup(privateAddresses: boolean): LookupFunction {
  return (hostname, options, callback) => {
    dnsLookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '', 0);
      const allowed = addresses.filter(({ address }) => isAllowedAddress(address, privateAddresses));
      const [first] = allowed;
      if (first === undefined)
        return callback(new Error(`${hostname} is at an address that a webhook may not be at`), '', 0);
      return options.all === true ? callback(null, allowed) : callback(null, first.address, first.family);
    });
  };
}
