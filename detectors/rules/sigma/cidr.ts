/** Networks of the modifier `cidr`, IPv4 and IPv6 (RFC 4632, RFC 4291). */
import { BlockList, isIP } from 'node:net';

/** A test of addresses, or undefined where the text is no network. */
export function compileCidr(text: string): ((ip: string) => boolean) | undefined {
  const match = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(text);
  const address = match?.[1] ?? '';
  const version = isIP(address);
  const bits = Number(match?.[2]);
  if (version === 0 || bits > (version === 4 ? 32 : 128)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
  return (ip) => {
    const family = isIP(ip);
    return family !== 0 && list.check(ip, family === 4 ? 'ipv4' : 'ipv6');
  };
}
