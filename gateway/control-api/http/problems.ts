/** Errors leave as problem+json (RFC 9457) with a code of the catalogue and what to do. */
import { STATUS_CODES } from 'node:http';
import type { FastifyError } from 'fastify';
import type { Problem } from '../../../schemas/api/common.ts';
import { isCountersignError, type CountersignError } from '../../../platform/errors/errors.ts';
import type { Logger } from '../../../platform/log/log.ts';
import { controlApiError } from '../errors.ts';
import type { App, FastifyReply } from './app.ts';

export const toProblem = (error: CountersignError): Problem => ({
  type: 'about:blank',
  title: STATUS_CODES[error.status] ?? 'Error',
  status: error.status,
  code: error.code,
  detail: error.message,
  hint: error.hint,
});

/** What fastify found wrong, as an error of ours; undefined for a fault on our side. */
export function fromFastify(error: FastifyError, bodyBytesMax: number): CountersignError | undefined {
  if (error.validation !== undefined || error.validationContext !== undefined)
    return controlApiError('CONTROL_API_INVALID', {
      part: error.validationContext ?? 'body',
      problems: error.message.replace(/^(body|querystring|params|headers)\/?\s*/, ''),
    });
  if (error.statusCode === 413) return controlApiError('CONTROL_API_TOO_LARGE', { max: bodyBytesMax });
  if (error.statusCode !== undefined && error.statusCode < 500)
    return controlApiError('CONTROL_API_INVALID', { part: 'body', problems: error.message });
  return undefined;
}

export function send(reply: FastifyReply, error: CountersignError): FastifyReply {
  if (error.status === 429) reply.header('retry-after', '1');
  if (error.status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(error.status).type('application/problem+json').send(toProblem(error));
}

export function handleErrors(app: App, log: Logger, bodyBytesMax: number): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    if (isCountersignError(error)) return send(reply, error);
    const known = fromFastify(error, bodyBytesMax);
    if (known !== undefined) return send(reply, known);
    log.error(
      { error, method: request.method, route: request.routeOptions.url },
      'a call of the control API failed',
    );
    return send(reply, controlApiError('CONTROL_API_INTERNAL'));
  });
  app.setNotFoundHandler((request, reply) =>
    send(
      reply,
      controlApiError('CONTROL_API_NOT_FOUND', {
        what: `call ${request.method} ${request.url.split('?')[0]}`,
      }),
    ),
  );
}
