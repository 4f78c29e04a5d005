import { defineErrors, type ErrorDefinitions } from '../../platform/errors/errors.ts';

export const definitions = {
  CONTROL_API_UNAUTHENTICATED: {
    message: 'The call has no API token, or one that is not known.',
    hint: 'Send `Authorization: Bearer TOKEN`: one of `controlApi.tokens`, or for people what `countersign login` got.',
    status: 401,
  },
  CONTROL_API_FORBIDDEN: {
    message: 'The API token of {subject} lacks the scope {scope}.',
    hint: 'Use a token with that scope. Responders may contain, never release.',
    status: 403,
  },
  CONTROL_API_PEOPLE_ONLY: {
    message: 'Tokens of the gateway count here for people only, and {subject} is none.',
    hint: 'Give services and agents an API token of their own (`controlApi.tokens`).',
    status: 403,
  },
  CONTROL_API_INVALID: {
    message: 'The {part} of the call has a mistake: {problems}',
    hint: 'See /openapi.json for what the call takes.',
    status: 400,
  },
  CONTROL_API_NOT_FOUND: {
    message: 'There is no {what}.',
    hint: 'Check the id; the list of the same resource shows what there is.',
    status: 404,
  },
  CONTROL_API_NO_LISTENER: {
    message: 'The connection {connection} speaks {protocol}, which this gateway does not serve.',
    hint: 'Ask another gateway, or who runs this one.',
    status: 404,
  },
  CONTROL_API_CONFLICT: {
    message: 'The call cannot be carried out now: {reason}',
    hint: 'Look at the present state first, then decide again.',
    status: 409,
  },
  CONTROL_API_TOO_MANY_CALLS: {
    message: 'Too many calls: {reason}',
    hint: 'Wait as long as the header Retry-After says.',
    status: 429,
  },
  CONTROL_API_TOO_LARGE: {
    message: 'The body of the call is over {max} bytes.',
    hint: 'Send less, or raise `controlApi.bodyBytesMax`.',
    status: 413,
  },
  CONTROL_API_TLS_REQUIRED: {
    message: 'The control API would listen on {host} without TLS.',
    hint: 'Set `controlApi.tls`, or listen on a loopback address.',
    status: 500,
  },
  CONTROL_API_LISTEN_FAILED: {
    message: 'The control API cannot listen on {host}:{port}: {reason}',
    hint: 'Another program may have the port: set `controlApi.port`, or check the certificate files.',
    status: 500,
  },
  CONTROL_API_INTERNAL: {
    message: 'The call failed inside the gateway.',
    hint: 'Nothing more is known to you here; the log of the gateway has the cause.',
    status: 500,
  },
} as const satisfies ErrorDefinitions;

export const controlApiError = defineErrors(definitions);
