import { defineErrors, type ErrorDefinitions } from '../../platform/errors/errors.ts';

export const definitions = {
  TOKEN_INVALID: {
    message: 'The token is not valid.',
    hint: 'Check that it was copied whole, or have a new one issued: `countersign token issue`.',
    status: 401,
  },
  TOKEN_EXPIRED: {
    message: 'The token has expired.',
    hint: 'Have a new one issued: `countersign token issue`.',
    status: 401,
  },
  TOKEN_CONNECTION_DENIED: {
    message: 'The token may not open the connection {connection}.',
    hint: 'Have one issued for it: `countersign token issue --connection {connection}`.',
    status: 403,
  },
  TOKEN_TTL_TOO_LONG: {
    message: 'A token lives at most {ttlMsMax} ms here; {ttlMs} were asked for.',
    hint: 'Ask for less, or raise gateway.tokenTtlMsMax.',
    status: 400,
  },
  TOKEN_ISSUED_BEFORE: {
    message: 'The token {tokenId} was issued under this idempotency key; its secret was shown once.',
    hint: 'If that answer was lost, revoke the token and ask for another one with a new key.',
    status: 409,
  },
  IDENTITY_ABSENT: {
    message: 'There is no identity {identityId}.',
    hint: 'Add it first: `countersign identity add`.',
    status: 404,
  },
} as const satisfies ErrorDefinitions;

export const accessError = defineErrors(definitions);
