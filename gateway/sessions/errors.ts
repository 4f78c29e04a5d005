import { defineErrors, type ErrorDefinitions } from '../../platform/errors/errors.ts';

export const definitions = {
  SESSION_LIMIT: {
    message: 'The gateway carries {sessionsMax} sessions, as many as it may.',
    hint: 'Close sessions or raise gateway.sessionsMax.',
    status: 503,
  },
  SESSION_IDENTITY_LIMIT: {
    message: 'The identity has {sessionsMax} sessions open, as many as it may.',
    hint: 'Close sessions or raise gateway.sessionsPerIdentityMax.',
    status: 429,
  },
  SESSION_KILLED: {
    message: 'The session was ended by an operator: {reason}',
    hint: 'Ask who runs the gateway.',
    status: 403,
  },
  SESSION_GATEWAY_STOPS: {
    message: 'The gateway is stopping.',
    hint: 'Connect again in a moment.',
    status: 503,
  },
} as const satisfies ErrorDefinitions;

export const sessionError = defineErrors(definitions);
