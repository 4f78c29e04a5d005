import { sourceNetwork } from '../../platform/network/address.ts';

const NAME_CHARS_MAX = 64;

/** The network that an address is counted under; imported events may say something else than an address, which stands for itself. */
export const networkName = (ip: string): string => sourceNetwork(ip) ?? ip.slice(0, NAME_CHARS_MAX);
