/** Errors of the policy. */
import { defineErrors, type ErrorDefinitions } from '../../platform/errors/errors.ts';

export const definitions = {
  POLICY_INVALID: {
    message: 'policy rule "{rule}" is not valid: {reason}',
    hint: 'Correct the rule; the policy in force before stays in force. `countersign config check` names file and line.',
    status: 400,
  },
} as const satisfies ErrorDefinitions;

export const policyError = defineErrors(definitions);
