import { defineErrors, type ErrorDefinitions } from '../../platform/errors/errors.ts';

export const definitions = {
  TOKEN_INVALID: {
    message: 'The token is not valid.',
    hint: 'Check that it was copied whole, or have a new one issued: `countersign token issue`.',
    status: 401,
  },
  TOKEN_EXPIRED: {
    message: 'The token has expired.',
    hint: 'Have a new one issued: `countersign token issue`, or `countersign login` for people.',
    status: 401,
  },
  TOKEN_CONNECTION_DENIED: {
    message: 'The token may not open the connection {connection}.',
    hint: 'Have one issued for it: `countersign token issue --connections {connection}`.',
    status: 403,
  },
  TOKEN_NETWORK_DENIED: {
    message: 'The token may not be used from {ip}.',
    hint: 'It is bound to the networks that it was issued for; get one where it is used.',
    status: 403,
  },
  TOKEN_KEY_REQUIRED: {
    message: 'The token is bound to a key that was not proved with it ({key}).',
    hint: 'Send a DPoP proof or the client certificate that it was issued with; protocols that can carry neither take tokens without such a bond.',
    status: 401,
  },
  TOKEN_TTL_TOO_LONG: {
    message: 'A token lives at most {ttlMsMax} ms here; {ttlMs} were asked for.',
    hint: 'Ask for less, or raise gateway.tokenTtlMsMax or the longest life of the account (`countersign identity put --max-ttl`).',
    status: 400,
  },
  TOKEN_ISSUED_BEFORE: {
    message: 'The token {tokenId} was issued under this idempotency key; its secret was shown once.',
    hint: 'If that answer was lost, revoke the token and ask for another one with a new key.',
    status: 409,
  },
  IDENTITY_ABSENT: {
    message: 'There is no identity {identityId}.',
    hint: 'Add it first: `countersign identity put`.',
    status: 404,
  },
  IDENTITY_OVER: {
    message: 'The account {identityId} has ended: {reason}.',
    hint: 'Who owns it must extend it (`countersign identity put --expires`), or its issuer must make it active again.',
    status: 403,
  },
  ACCESS_ISSUER_UNKNOWN: {
    message: 'The token comes from an issuer that is not configured here.',
    hint: 'Its claim `iss` must be that of an entry of access.issuers, letter by letter.',
    status: 401,
  },
  ACCESS_TOKEN_MALFORMED: {
    message: 'The token of {issuer} cannot be taken: {reason}.',
    hint: 'Ask the issuer for a token of the kind that docs/identity.md describes.',
    status: 401,
  },
  ACCESS_ALGORITHM_REFUSED: {
    message: 'The token of {issuer} is signed with an algorithm that is not allowed.',
    hint: 'Allowed ones stand in access.issuers[].algorithms; none of them is symmetric.',
    status: 401,
  },
  ACCESS_KEY_UNKNOWN: {
    message: 'The token of {issuer} is signed with a key that the issuer does not publish.',
    hint: 'If the issuer has just changed its keys, try again in a minute; else the token is not of this issuer.',
    status: 401,
  },
  ACCESS_SIGNATURE_WRONG: {
    message: 'The signature of the token of {issuer} is wrong.',
    hint: 'The token was changed on its way, or it was not made by this issuer.',
    status: 401,
  },
  ACCESS_AUDIENCE_WRONG: {
    message: 'The token of {issuer} is meant for somebody else.',
    hint: 'Ask for one whose audience is in access.issuers[].audiences.',
    status: 401,
  },
  ACCESS_TOKEN_EXPIRED: {
    message: 'The token of {issuer} has expired.',
    hint: 'Get a new one from its issuer; `countersign login` does so for people.',
    status: 401,
  },
  ACCESS_TOKEN_FROM_FUTURE: {
    message: 'The token of {issuer} is not valid yet: it was issued in the future of this gateway.',
    hint: 'Set the clocks of both (NTP); access.issuers[].clockSkewMs says how far they may be apart.',
    status: 401,
  },
  ACCESS_TOKEN_TOO_OLD: {
    message: 'The token of {issuer} was issued too long ago.',
    hint: 'Get a new one right before its use; access.issuers[].ageMsMax says how old it may be.',
    status: 401,
  },
  ACCESS_TOKEN_REPLAYED: {
    message: 'The token of {issuer} was used before, and it is good for one use.',
    hint: 'Get a new one for each exchange. If you did not use it, somebody else has: tell your security team.',
    status: 401,
  },
  ACCESS_NO_RULE: {
    message: 'The token of {issuer} is genuine, but no rule lets its holder in.',
    hint: 'See access.issuers[].rules, which match its claims.',
    status: 403,
  },
  ACCESS_PROVIDER_DOWN: {
    message: 'The issuer {issuer} cannot be asked ({reason}), so nobody new can log in with its tokens.',
    hint: 'Open sessions go on. Bring the issuer back; tokens of the gateway itself work meanwhile.',
    status: 503,
  },
  ACCESS_REVIEW_REFUSED: {
    message: 'The issuer {issuer} says that the token is not good: {reason}.',
    hint: 'Get a new token from it.',
    status: 401,
  },
  ACCESS_ACTOR_DENIED: {
    message: '{actor} may not act on behalf of {subject}.',
    hint: 'The rule of the person must name the agent (access.issuers[].rules[].actors), or the person’s token must (`may_act`).',
    status: 403,
  },
  ACCESS_PROOF_WRONG: {
    message: 'The proof of the key is wrong: {reason}.',
    hint: 'See RFC 9449, section 4.3 (DPoP), or RFC 8705 (client certificates) for what is checked.',
    status: 401,
  },
  ACCESS_CERTIFICATE_REFUSED: {
    message: 'The client certificate is not taken: {reason}.',
    hint: 'It must come from an authority of access.certificates and be valid now.',
    status: 401,
  },
  SCIM_INVALID: {
    message: 'The SCIM resource cannot be taken: {reason}.',
    hint: 'See RFC 7643 for its attributes and docs/identity.md for what is needed here.',
    status: 400,
  },
  SCIM_FILTER: {
    message: 'The filter cannot be read: {filter}',
    hint: 'See RFC 7644, section 3.4.2.2.',
    status: 400,
  },
  SCIM_TAKEN: {
    message: 'The {what} is taken.',
    hint: 'Look for it with a filter first, then change what is there.',
    status: 409,
  },
  SCIM_ABSENT: {
    message: 'There is no {what}.',
    hint: 'Push it first.',
    status: 404,
  },
  ACCESS_CONFIG_INVALID: {
    message: 'access: {reason}',
    hint: 'Mend the configuration; docs/identity.md describes it.',
    status: 500,
  },
} as const satisfies ErrorDefinitions;

export const accessError = defineErrors(definitions);
