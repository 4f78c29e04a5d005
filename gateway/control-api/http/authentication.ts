import type { ControlApiConfig } from '../../../schemas/config/control-api.ts';
import type { Clock } from '../../../platform/clock/clock.ts';
import type { Scope } from '../../../schemas/api/common.ts';
import { isCountersignError, type CountersignError } from '../../../platform/errors/errors.ts';
import { controlApiError } from '../errors.ts';
import type { LoginServices } from '../services.ts';
import { mayCall, type ApiTokens, type Principal } from './api-tokens.ts';
import type { App, FastifyRequest } from './app.ts';
import { findPerson, isGatewayToken, type Person } from './persons.ts';
import { createRateBound } from './rate-bound.ts';

const BURST_SECONDS = 10;
/** What an address may call without a token, against what a caller with one may. */
const OPEN_SHARE = 10;

/** Every route that names a scope needs a token with it; before the body is read. */
export function authenticate(
  app: App,
  tokens: ApiTokens,
  logins: LoginServices,
  clock: Clock,
  config: Pick<ControlApiConfig, 'callsPerSecondMax' | 'loginsFailedPerMinuteMax'>,
  /** Told of each call whose token is known and lacks the scope. */
  onForbidden: (subject: string, request: FastifyRequest) => void,
): void {
  const calls = createRateBound(clock, {
    perSecond: config.callsPerSecondMax,
    burst: config.callsPerSecondMax * BURST_SECONDS,
  });
  const openCalls = createRateBound(clock, {
    perSecond: config.callsPerSecondMax / OPEN_SHARE,
    burst: config.callsPerSecondMax,
  });
  const failures = createRateBound(clock, {
    perSecond: config.loginsFailedPerMinuteMax / 60,
    burst: config.loginsFailedPerMinuteMax,
  });
  /** Only wrong tokens are held back: else whoever guesses from the responders' address would stop every containment. */
  const refuse = (request: FastifyRequest, error: CountersignError): CountersignError =>
    failures.take(request.ip)
      ? error
      : controlApiError('CONTROL_API_TOO_MANY_CALLS', { reason: 'too many wrong tokens from this address' });
  /** The caller, or why there is none. Only tokens of the gateway's own have to be looked up. */
  const callerOf = (request: FastifyRequest): Principal | CountersignError | Promise<Person> => {
    const token = /^(?:Bearer|DPoP) ([\x21-\x7e]{1,512})$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) return controlApiError('CONTROL_API_UNAUTHENTICATED');
    const known = tokens.verify(token);
    if (known !== undefined) return known;
    return isGatewayToken(token)
      ? findPerson(logins, request, token)
      : controlApiError('CONTROL_API_UNAUTHENTICATED');
  };
  /** Undefined: it may go on. */
  const permit = (
    request: FastifyRequest,
    principal: Principal,
    scope: Scope | 'any',
  ): CountersignError | undefined => {
    if (!calls.take(principal.subject))
      return controlApiError('CONTROL_API_TOO_MANY_CALLS', {
        reason: `${principal.subject} calls too often`,
      });
    if (!mayCall(principal, scope)) {
      onForbidden(principal.subject, request);
      return controlApiError('CONTROL_API_FORBIDDEN', { subject: principal.subject, scope });
    }
    request.principal = principal;
    return undefined;
  };
  app.decorateRequest('principal', null);
  app.addHook('onRequest', (request, _reply, done) => {
    const { scope } = request.routeOptions.config;
    if (scope === undefined) {
      done(
        openCalls.take(request.ip)
          ? undefined
          : controlApiError('CONTROL_API_TOO_MANY_CALLS', { reason: 'too many calls from this address' }),
      );
      return;
    }
    const caller = callerOf(request);
    if (isCountersignError(caller)) done(refuse(request, caller));
    else if (!(caller instanceof Promise)) done(permit(request, caller, scope));
    else
      caller.then(
        (person) =>
          done(
            person.ok
              ? permit(request, person.principal, scope)
              : person.error.status === 401
                ? refuse(request, person.error)
                : person.error,
          ),
        (error: unknown) => done(error as Error),
      );
  });
}
