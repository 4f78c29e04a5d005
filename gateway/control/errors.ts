import { defineErrors, type ErrorDefinitions } from '../../platform/errors/errors.ts';

// Clients see these. Whoever holds a stolen token must not learn from them what the detectors saw: they name the lockout, and the
// reason stands in the lockout and in the trail.
export const definitions = {
  GATEWAY_RECORD_UNREADABLE: {
    message: 'A control record or a verdict cannot be read: {reason}',
    hint: 'It is in countersign.dead-letters with the reason. Look for who writes to these topics besides the roles; a newer version of the program may have written it.',
    status: 422,
  },
  LOCKED_OUT: {
    message: 'Access is locked out ({subjectKind}) [lockout {lockoutId}]',
    hint: 'Ask who runs the gateway and name the lockout.',
    status: 403,
  },
  LOCKOUT_AWAITS_RELEASE: {
    message: 'A lockout has ended by time and awaits its release ({subjectKind}) [lockout {lockoutId}]',
    hint: 'A person must release it: `countersign lockout release {lockoutId}`.',
    status: 403,
  },
  TOKEN_REVOKED: {
    message: 'The token was revoked.',
    hint: 'Revoked tokens never work again; have a new one issued.',
    status: 403,
  },
  LEASE_LOST: {
    message: 'The gateway cannot reach the control state, so it does not know who is locked out.',
    hint: 'Bring the control store back; the gateway recovers by itself.',
    status: 503,
  },
  GATEWAY_ID_TAKEN: {
    message: 'Another gateway with the id {id} is running on this control store.',
    hint: 'Give each gateway an id of its own (gateway.id), and a data folder of its own.',
    status: 409,
  },
  LOCKOUT_BUDGET_EXHAUSTED: {
    message:
      'Automation has locked out {used} identities within {windowMs} ms; its budget "{budget}" is {identitiesMax}.',
    hint: 'A person can lock out without a budget. Look first whether the response has become the outage.',
    status: 429,
  },
  LOCKOUT_BREAK_GLASS: {
    message: 'Automation may not lock out {identityId}: it is a break-glass identity.',
    hint: 'A person can do it.',
    status: 403,
  },
  LOCKOUT_ABSENT: {
    message: 'There is no lockout {lockoutId}.',
    hint: '`countersign lockout ls` lists them.',
    status: 404,
  },
  CONTROL_KEY_REUSED: {
    message: 'The idempotency key was used for another call before.',
    hint: 'Use a new key for each different call.',
    status: 409,
  },
} as const satisfies ErrorDefinitions;

export const controlError = defineErrors(definitions);
