/** Asks the Kubernetes API server about a service-account token (authentication.k8s.io/v1 TokenReview). */
import type { CountersignError } from '../../../platform/errors/errors.ts';
import type { IssuerConfig } from '../../../schemas/config/access.ts';
import type { SecretReference } from '../../../schemas/config/secret.ts';
import { accessError } from '../errors.ts';
import type { JsonCaller } from '../http/json-call.ts';
import type { Claims } from './claims.ts';

interface ReviewStatus {
  readonly authenticated?: unknown;
  readonly user?: { readonly username?: unknown };
  readonly audiences?: unknown;
  readonly error?: unknown;
}

const PATH = '/apis/authentication.k8s.io/v1/tokenreviews';
const REASON_CHARACTERS_MAX = 200;

/** Undefined where the server knows the token, for one of our audiences, as the account that it names. */
export async function reviewToken(
  deps: { readonly caller: JsonCaller; readonly readSecret: (reference: SecretReference) => Promise<string> },
  issuer: Pick<IssuerConfig, 'name' | 'audiences' | 'tokenReview'>,
  token: string,
  claims: Claims,
): Promise<CountersignError | undefined> {
  const { name, audiences, tokenReview } = issuer;
  const down = (reason: string): CountersignError =>
    accessError('ACCESS_PROVIDER_DOWN', { issuer: name, reason });
  const refused = (reason: string): CountersignError =>
    accessError('ACCESS_REVIEW_REFUSED', { issuer: name, reason });
  // Read each time: such credentials are renewed in their files.
  const credential = await deps.readSecret(tokenReview!.credential);
  const answer = await deps.caller.call(`${tokenReview!.server.replace(/\/$/, '')}${PATH}`, {
    headers: { authorization: `Bearer ${credential}` },
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences } },
  });
  if (!answer.ok) return down(answer.reason);
  if (answer.status !== 200 && answer.status !== 201) return down(`the API server answers ${answer.status}`);
  const { status } = (answer.body ?? {}) as { status?: ReviewStatus };
  if (status?.authenticated !== true)
    return refused(
      typeof status?.error === 'string'
        ? status.error.slice(0, REASON_CHARACTERS_MAX)
        : 'it is not authenticated',
    );
  // A server that does not know of audiences says nothing of them, and has not checked them (TokenReviewStatus).
  const known = Array.isArray(status.audiences) ? (status.audiences as unknown[]) : [];
  if (!known.some((audience) => audiences.includes(audience as string)))
    return refused('it is not meant for this gateway');
  if (status.user?.username !== claims['sub']) return refused('it is of another account than it says');
  return undefined;
}
