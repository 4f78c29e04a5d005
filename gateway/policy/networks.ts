/** Source networks in CIDR form (RFC 4632, RFC 4291). */
import { BlockList, isIP } from 'node:net';

const MAPPED = '::ffff:';

export type NetworkMatcher = (ip: string) => boolean;

/** A matcher, or why a network is not one. An address without a length is itself alone. */
export function compileNetworks(networks: readonly string[]): NetworkMatcher | { readonly reason: string } {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', length, ...rest] = network.split('/');
    const family = isIP(address);
    const bits = family === 4 ? 32 : 128;
    const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
    if (family === 0 || rest.length > 0 || !(prefix >= 0 && prefix <= bits)) {
      return { reason: `network "${network}" is not in CIDR form` };
    }
    list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
  }
  return (ip) => {
    const plain =
      ip.toLowerCase().startsWith(MAPPED) && isIP(ip.slice(MAPPED.length)) === 4
        ? ip.slice(MAPPED.length)
        : ip;
    const family = isIP(plain);
    return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6');
  };
}
