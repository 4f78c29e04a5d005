import { defineErrors, type ErrorDefinitions } from '../platform/errors/errors.ts';

export const definitions = {
  RESPONDERS_PLAYBOOK_INVALID: {
    message: 'A playbook has a mistake: {problems}',
    hint: 'Mend what is named; on a reload the playbooks from before stay in force. `countersign playbook check FILE` says the same.',
    status: 400,
  },
  RESPONDERS_NOTIFIER_INVALID: {
    message: 'The notifier {name} cannot be used: {reason}',
    hint: 'Look at `responders.notifiers` in the configuration; a webhook secret is `whsec_` and base64 of 24 to 64 bytes.',
    status: 400,
  },
  RESPONDERS_RECORD_UNREADABLE: {
    message: 'A record of {topic} cannot be read: {reason}',
    hint: 'It is in countersign.dead-letters with the reason. A newer version of the program may have written it.',
    status: 500,
  },
} as const satisfies ErrorDefinitions;

export const respondersError = defineErrors(definitions);
