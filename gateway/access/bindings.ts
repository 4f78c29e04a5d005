/** Tokens that work only from some networks, or only with a key. */
import type { CountersignError } from '../../platform/errors/errors.ts';
import { normalAddress } from '../../platform/network/address.ts';
import { compileNetworks } from '../policy/networks.ts';
import type { LoginContext, TokenBindings } from './access.ts';
import { accessError } from './errors.ts';

export const keyOf = (proof: NonNullable<LoginContext['proofOfKey']>): string =>
  `${proof.kind}:${proof.thumbprint}`;

/** Why a token may not be used here; undefined where it may. Without a context nothing is known, and a bound token is refused. */
export function bindingFault(
  bindings: TokenBindings | undefined,
  context: Omit<LoginContext, 'connection'> | undefined,
): CountersignError | undefined {
  if (bindings === undefined) return undefined;
  const { networks, key } = bindings;
  const ip = normalAddress(context?.clientIp ?? '');
  for (const list of networks ?? []) {
    const matches = compileNetworks(list);
    if (typeof matches !== 'function' || !matches(ip))
      return accessError('TOKEN_NETWORK_DENIED', { ip: ip === '' ? 'an unknown address' : ip });
  }
  if (key === undefined) return undefined;
  const proof = context?.proofOfKey;
  return proof !== undefined && keyOf(proof) === key
    ? undefined
    : accessError('TOKEN_KEY_REQUIRED', { key: key.split(':')[0]! });
}
