/** The part of the control API that responders call: they may contain, not release. */
import type { LockoutAnswer, LockoutRequest } from '../../schemas/api/lockouts.ts';
import type { EndSessionAnswer } from '../../schemas/api/sessions.ts';
import type { RevokeTokenAnswer } from '../../schemas/api/tokens.ts';
import type { JsonClient } from './json-client.ts';

export type CallResult<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      /** Code of the error catalogue, or UNREACHABLE. */
      readonly code: string;
      readonly message: string;
      /** Might the same call succeed a little later? */
      readonly passing: boolean;
    };

/** A call is given a key under which it takes effect once, however often it is made. */
export interface CallOptions {
  readonly idempotencyKey: string;
  readonly signal?: AbortSignal;
}
export interface CallReason {
  readonly reason: string;
  readonly incidentId: string;
  readonly exerciseId: string | null;
}

export interface ControlApi {
  lockOut(request: LockoutRequest, options: CallOptions): Promise<CallResult<LockoutAnswer>>;
  endSession(id: string, why: CallReason, options: CallOptions): Promise<CallResult<EndSessionAnswer>>;
  revokeToken(id: string, why: CallReason, options: CallOptions): Promise<CallResult<RevokeTokenAnswer>>;
}

const PASSING_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);

function failure(status: number, body: string): CallResult<never> {
  let problem: { code?: string; detail?: string } = {};
  try {
    problem = JSON.parse(body) as typeof problem;
  } catch {
    // Something else than our API answered; the status is all there is.
  }
  return {
    ok: false,
    code: problem.code ?? `HTTP_${status}`,
    message: problem.detail ?? `HTTP ${status}`,
    passing: PASSING_STATUS.has(status),
  };
}

/** The control API over HTTP. `token` needs the scope `contain`. */
export function createHttpControlApi(
  http: JsonClient,
  address: { readonly url: string; readonly token: string },
): ControlApi {
  const call = async <T>(path: string, body: unknown, options: CallOptions): Promise<CallResult<T>> => {
    const answer = await http.post(
      new URL(path, address.url),
      JSON.stringify(body),
      { authorization: `Bearer ${address.token}`, 'idempotency-key': options.idempotencyKey },
      options.signal,
    );
    if (!answer.ok) return { ok: false, code: 'UNREACHABLE', message: answer.reason, passing: true };
    if (answer.status >= 400) return failure(answer.status, answer.body);
    try {
      return { ok: true, value: JSON.parse(answer.body) as T };
    } catch {
      return { ok: false, code: 'UNREACHABLE', message: 'the answer is not JSON', passing: true };
    }
  };
  const path = (kind: string, id: string, verb: string): string =>
    `/v1/${kind}/${encodeURIComponent(id)}/${verb}`;
  return {
    lockOut: (request, options) => call('/v1/lockouts', request, options),
    endSession: (id, { exerciseId, ...why }, options) =>
      call(
        path('sessions', id, 'end'),
        { ...why, automated: true, ...(exerciseId === null ? {} : { exerciseId }) },
        options,
      ),
    revokeToken: (id, { reason, incidentId }, options) =>
      call(path('tokens', id, 'revoke'), { reason, incidentId, automated: true }, options),
  };
}
