import type { ControlApiConfig } from '../../../schemas/config/control-api.ts';
import type { Clock } from '../../../platform/clock/clock.ts';
import { controlApiError } from '../errors.ts';
import { mayCall, type ApiTokens } from './api-tokens.ts';
import type { App, FastifyRequest } from './app.ts';
import { createRateBound } from './rate-bound.ts';

const BURST_SECONDS = 10;

/** Every route that names a scope needs a token with it; before the body is read. */
export function authenticate(
  app: App,
  tokens: ApiTokens,
  clock: Clock,
  config: Pick<ControlApiConfig, 'callsPerSecondMax' | 'loginsFailedPerMinuteMax'>,
  /** Told of each call whose token is known and lacks the scope. */
  onForbidden: (subject: string, request: FastifyRequest) => void,
): void {
  const calls = createRateBound(clock, {
    perSecond: config.callsPerSecondMax,
    burst: config.callsPerSecondMax * BURST_SECONDS,
  });
  const failures = createRateBound(clock, {
    perSecond: config.loginsFailedPerMinuteMax / 60,
    burst: config.loginsFailedPerMinuteMax,
  });
  app.decorateRequest('principal', null);
  app.addHook('onRequest', (request, _reply, done) => {
    const { scope } = request.routeOptions.config;
    if (scope === undefined) {
      done();
      return;
    }
    const token = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(request.headers.authorization ?? '')?.[1];
    const principal = token === undefined ? undefined : tokens.verify(token);
    if (principal === undefined) {
      // Only wrong tokens are held back: else whoever guesses from the responders' address would stop every containment.
      const known = failures.take(request.ip);
      done(
        known
          ? controlApiError('CONTROL_API_UNAUTHENTICATED')
          : controlApiError('CONTROL_API_TOO_MANY_CALLS', {
              reason: 'too many wrong tokens from this address',
            }),
      );
    } else if (!calls.take(principal.subject))
      done(controlApiError('CONTROL_API_TOO_MANY_CALLS', { reason: `${principal.subject} calls too often` }));
    else if (!mayCall(principal, scope)) {
      onForbidden(principal.subject, request);
      done(controlApiError('CONTROL_API_FORBIDDEN', { subject: principal.subject, scope }));
    } else {
      request.principal = principal;
      done();
    }
  });
}
