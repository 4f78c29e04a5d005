import { defineErrors, type ErrorDefinitions } from '../../platform/errors/errors.ts';

export const definitions = {
  APPROVAL_ABSENT: {
    message: 'There is no approval {approvalId}.',
    hint: '`countersign approval ls` lists those that wait.',
    status: 404,
  },
  APPROVAL_NOT_PENDING: {
    message: 'Approval {approvalId} is {state} already; nothing more can be decided.',
    hint: 'Where it is still needed, run the command again: a new approval is asked for.',
    status: 409,
  },
  APPROVAL_DECIDED_BEFORE: {
    message: '{by} has decided approval {approvalId} before; each person counts once.',
    hint: 'Another person has to agree.',
    status: 409,
  },
  APPROVAL_NOT_A_PERSON: {
    message: 'Only a person may decide an approval, and {by} is none.',
    hint: 'Log in as a person (`countersign login`) and decide with that token.',
    status: 403,
  },
  APPROVAL_OWN: {
    message: '{by} may not decide approval {approvalId}: {why}.',
    hint: 'Somebody else has to decide: never the requester, whom it acts for, or who owns its credential.',
    status: 403,
  },
  APPROVAL_NOT_SENIOR: {
    message: '{by} may not decide approval {approvalId}: the rule wants a member of {groups}.',
    hint: 'Ask a member of these groups. Groups are those of the last login: after a change log in again.',
    status: 403,
  },
  APPROVAL_FACTOR_NEEDED: {
    message: 'Approval {approvalId} wants a second factor of who decides.',
    hint: 'Decide on the approval page with a security key or passkey, or give a one-time code (`--code`).',
    status: 403,
  },
  APPROVAL_TOO_MANY: {
    message: '{identityId} has {pending} approvals that wait; more are not taken.',
    hint: 'Withdraw some (`countersign approval withdraw`) or wait until they are decided.',
    status: 429,
  },
  APPROVAL_WAITS: {
    message: 'Approval {approvalId} waits for a person ({rule}).',
    hint: 'Once it is granted run the same command again: it goes through without a further question. `countersign approval show {approvalId}` tells how it stands.',
    status: 403,
  },
  APPROVAL_REFUSED: {
    message: 'Approval {approvalId} was refused.',
    hint: 'Ask who refused it; the reason stands in the approval.',
    status: 403,
  },
  APPROVAL_ENDED: {
    message: 'Approval {approvalId} is {state}; the command may not run.',
    hint: 'Run the command again where it is still needed: a new approval is asked for.',
    status: 403,
  },
  APPROVAL_REVOKED: {
    message: 'What approval {approvalId} had opened was ended: the approval was revoked.',
    hint: 'Ask who revoked it; where it is still needed, ask for a new one.',
    status: 403,
  },
  APPROVAL_STORE_AWAY: {
    message: 'The approval could not be asked for: the control store does not answer.',
    hint: 'The gateway recovers by itself once the store is back; then run the command again.',
    status: 503,
  },
  APPROVAL_NOTIFY_INVALID: {
    message: 'The receiver of approval notices "{name}" cannot be used: {reason}.',
    hint: 'Correct it in the configuration under approvals.notify (docs/approvals.md).',
    status: 400,
  },
  APPROVAL_CALLBACK_REFUSED: {
    message: 'The call is not from the chat that it should come from, or is too old.',
    hint: 'Look at the signing secret of that receiver (approvals.notify), and at the clock of this machine.',
    status: 401,
  },
  APPROVAL_CHAT_UNKNOWN: {
    message: 'Who decided in the chat is not known here.',
    hint: 'Name the person under approvals.notify, people: the id of the chat and the identity id.',
    status: 403,
  },
  GRANT_ABSENT: {
    message: 'There is no grant {grantId}.',
    hint: '`countersign grant ls` lists them.',
    status: 404,
  },
  GRANT_ENDED: {
    message: 'The grant {grantId} that this session stood on has ended.',
    hint: 'Ask for a new grant: `countersign grant request`.',
    status: 403,
  },
  GRANT_TOO_LONG: {
    message: 'A grant may last {durationMsMax} ms at most; {durationMs} were asked for.',
    hint: 'Ask for less time; a new grant can follow.',
    status: 400,
  },
  GRANT_TEMPLATE_ABSENT: {
    message: 'There is no grant template {name}.',
    hint: 'Templates stand in the configuration under approvals.grantTemplates.',
    status: 404,
  },
  FACTOR_INVITATION_INVALID: {
    message: 'The invitation to enrol a second factor is unknown, used or too old.',
    hint: 'Have a new one made: `countersign approval invite IDENTITY`.',
    status: 403,
  },
  FACTOR_NONE: {
    message: '{identityId} has no second factor of this kind.',
    hint: 'Enrol one by an invitation: `countersign approval invite {identityId}`.',
    status: 403,
  },
  FACTOR_WRONG: {
    message: 'The second factor was not proved: {reason}.',
    hint: 'Try again; each challenge and each one-time code counts once.',
    status: 403,
  },
  FACTOR_TOO_MANY_TRIES: {
    message: '{identityId} has failed too often with its second factor.',
    hint: 'Wait {waitMs} ms. If it was not you, tell who runs the gateway: somebody has your token.',
    status: 429,
  },
  FACTOR_ENROLMENT_INVALID: {
    message: 'The second factor could not be enrolled: {reason}.',
    hint: 'Begin anew with the invitation; it stays good until it is used or too old.',
    status: 400,
  },
} as const satisfies ErrorDefinitions;

export const approvalError = defineErrors(definitions);
