/** Every call that changes something stands in the audit trail, also one that was refused. */
import { isCountersignError } from '../../../platform/errors/errors.ts';
import { controlApiError } from '../errors.ts';
import type { Caller, ControlApiServices, ServiceResult } from '../services.ts';
import { mayCall } from './api-tokens.ts';
import type { FastifyRequest } from './app.ts';

export interface Mutation {
  /** Name of the call: lockout.create, token.revoke, ... */
  readonly action: string;
  /** What it is done to. */
  readonly subject: string;
  readonly reason: string;
  readonly incidentId?: string | undefined;
}

const KEY_CHARACTERS_MAX = 255;

/** Who calls, and the header Idempotency-Key. */
export function callerOf(request: FastifyRequest): Caller {
  const key = request.headers['idempotency-key'];
  if (key !== undefined && (typeof key !== 'string' || key.length === 0 || key.length > KEY_CHARACTERS_MAX))
    throw controlApiError('CONTROL_API_INVALID', {
      part: 'header Idempotency-Key',
      problems: `must have 1 to ${KEY_CHARACTERS_MAX} characters`,
    });
  return { by: request.principal?.subject ?? 'nobody', idempotencyKey: key ?? null };
}

/**
 * Does budget and break-glass hold for this containment? For who says that it is automation, and for who may not release what he
 * locks out: with a responder's token alone nobody shall be able to lock out everybody.
 */
export const isAutomation = (request: FastifyRequest, automated: boolean): boolean =>
  automated || !mayCall(request.principal!, 'release');

/** The value, or the error thrown for the error handler. */
export function valueOf<T>(result: ServiceResult<T>): T {
  if (!result.ok) throw result.error;
  return result.value;
}

/** Runs a change and records it with its outcome. `work` gives the outcome's name beside its value. */
export async function mutate<T>(
  services: Pick<ControlApiServices, 'recordControlAction'>,
  request: FastifyRequest,
  mutation: Mutation,
  work: (caller: Caller) => Promise<{ readonly outcome: string; readonly value: T }>,
  /** Who did it, where the call itself carries no token of his. */
  actor?: string,
): Promise<T> {
  const { by, idempotencyKey } = callerOf(request);
  const caller = { by: actor ?? by, idempotencyKey };
  const record = async (outcome: string, reason: string): Promise<void> => {
    await services.recordControlAction({
      actor: caller.by,
      action: mutation.action,
      subject: mutation.subject,
      outcome,
      reason,
      incidentId: mutation.incidentId ?? null,
      idempotencyKey: caller.idempotencyKey,
    });
  };
  try {
    const { outcome, value } = await work(caller);
    await record(outcome, mutation.reason);
    return value;
  } catch (error) {
    const refused = isCountersignError(error) && error.status < 500;
    await record(refused ? 'refused' : 'failed', isCountersignError(error) ? error.code : mutation.reason);
    throw error;
  }
}
