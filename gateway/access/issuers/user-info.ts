/** Claims from the provider's userinfo endpoint (OpenID Connect Core 1.0, section 5.3). */
import type { IssuerConfig } from '../../../schemas/config/access.ts';
import type { AccessResult } from '../access.ts';
import { accessError } from '../errors.ts';
import type { JsonCaller } from '../http/json-call.ts';
import type { Claims } from './claims.ts';

/** What only the token itself may say. */
const OF_THE_TOKEN = [
  'iss',
  'sub',
  'aud',
  'exp',
  'iat',
  'nbf',
  'jti',
  'azp',
  'client_id',
  'act',
  'cnf',
  'may_act',
];

/** `claims` and what the provider says now of the same subject. */
export async function readUserInfo(
  caller: JsonCaller,
  { name }: Pick<IssuerConfig, 'name'>,
  endpoint: string,
  token: string,
  claims: Claims,
): Promise<AccessResult<Claims>> {
  const answer = await caller.call(endpoint, { headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok)
    return { ok: false, error: accessError('ACCESS_PROVIDER_DOWN', { issuer: name, reason: answer.reason }) };
  if (answer.status >= 500)
    return {
      ok: false,
      error: accessError('ACCESS_PROVIDER_DOWN', {
        issuer: name,
        reason: `userinfo answers ${answer.status}`,
      }),
    };
  const found = answer.body;
  const refused = (reason: string): AccessResult<Claims> => ({
    ok: false,
    error: accessError('ACCESS_REVIEW_REFUSED', { issuer: name, reason }),
  });
  if (answer.status !== 200)
    return refused(`userinfo answers ${answer.status}; it wants an access token for itself`);
  if (typeof found !== 'object' || found === null || (found as Claims)['sub'] !== claims['sub'])
    return refused('userinfo is of another subject');
  const added = Object.entries(found).filter(([claim]) => !OF_THE_TOKEN.includes(claim));
  return { ok: true, value: { ...claims, ...Object.fromEntries(added) } };
}
