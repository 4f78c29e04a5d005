/** People with a token of the gateway's own: what they may do here comes from their groups. */
import { holdsToken } from '../../access/redact-tokens.ts';
import type { Scope } from '../../../schemas/api/common.ts';
import type { CountersignError } from '../../../platform/errors/errors.ts';
import { controlApiError } from '../errors.ts';
import type { LoginServices } from '../services.ts';
import type { Principal } from './api-tokens.ts';
import type { FastifyRequest } from './app.ts';
import { proofsOf } from './proofs.ts';

export type Person =
  | { readonly ok: true; readonly principal: Principal }
  | { readonly ok: false; readonly error: CountersignError };

export const isGatewayToken = (token: string): boolean => holdsToken(token);

export function scopesOf(
  groups: readonly string[],
  groupScopes: Readonly<Record<string, readonly Scope[]>>,
): Scope[] {
  const found = groups.flatMap((group) => (Object.hasOwn(groupScopes, group) ? groupScopes[group]! : []));
  return [...new Set(found)];
}

export async function findPerson(
  { access, dpop, groupScopes }: Pick<LoginServices, 'access' | 'dpop' | 'groupScopes'>,
  request: FastifyRequest,
  token: string,
): Promise<Person> {
  const proofs = await proofsOf(request, dpop, token);
  if (!proofs.ok) return proofs;
  const { proofOfKey } = proofs.value;
  const proofId = proofOfKey?.proofId;
  // It is used up by this call, not by what the token is exchanged for on the way.
  const context = {
    ...proofs.value,
    connection: null,
    ...(proofOfKey === undefined
      ? {}
      : { proofOfKey: { kind: proofOfKey.kind, thumbprint: proofOfKey.thumbprint } }),
  };
  const verified = await access.verifyBearer(token, context);
  if (!verified.ok) return verified;
  const admitted = access.admit(verified.value, null, context);
  if (!admitted.ok) return admitted;
  const identity = admitted.value;
  // Services and agents have API tokens of their own: what a stolen CI token may do must not depend on somebody's groups.
  if (identity.kind !== 'human' || verified.value.principals.length > 0)
    return { ok: false, error: controlApiError('CONTROL_API_PEOPLE_ONLY', { subject: identity.id }) };
  if (proofId !== undefined) {
    const spent = await dpop.spend(proofId);
    if (!spent.ok) return spent;
  }
  return {
    ok: true,
    principal: {
      subject: identity.id,
      scopes: scopesOf(identity.groups, groupScopes),
      identity,
      tokenId: verified.value.tokenId,
    },
  };
}
