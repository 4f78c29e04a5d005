/** Errors of the rules: each is found when rules are loaded, names file and line, and leaves the earlier set in force. */
import { defineErrors, type ErrorDefinitions } from '../../platform/errors/errors.ts';

export const definitions = {
  SIGMA_YAML: {
    message: '{file}:{line}: not readable as YAML: {reason}',
    hint: 'Correct the YAML at that line; the rules that were loaded before stay in force.',
    status: 400,
  },
  SIGMA_INVALID: {
    message: '{file}:{line}: not a valid rule: {reason}',
    hint: 'Correct the rule; docs/detection-rules.md describes each field. The rules that were loaded before stay in force.',
    status: 400,
  },
  SIGMA_CONDITION: {
    message: '{file}:{line}: the condition cannot be read: {reason}',
    hint: 'A condition combines selections with and, or, not, parentheses, "1 of NAME*", "all of NAME*" and "of them".',
    status: 400,
  },
  SIGMA_REGEX: {
    message: '{file}:{line}: the regular expression cannot be used: {reason}',
    hint: 'Use the flavour of the Sigma specification: . ^ $ * + ? {n,m} [a-z] ( ) and |; no look-around, no back references.',
    status: 400,
  },
  SIGMA_UNSUPPORTED: {
    message: '{file}:{line}: not supported: {reason}',
    hint: 'Write the rule without it; docs/detection-rules.md lists what is supported.',
    status: 400,
  },
  SIGMA_REFERENCE: {
    message: '{file}:{line}: refers to what does not exist: {reason}',
    hint: 'Name a selection, rule or placeholder that is there.',
    status: 400,
  },
  SIGMA_DUPLICATE: {
    message: '{file}:{line}: used twice: {reason}',
    hint: 'Ids and names of rules are unique over all files.',
    status: 400,
  },
  SIGMA_LIMIT: {
    message: '{file}:{line}: over a bound: {reason}',
    hint: 'Lower the figure; state and work per event are bounded.',
    status: 400,
  },
  SIGMA_CASES: {
    message: '{file}:{line}: the cases of the rule cannot be run: {reason}',
    hint: 'docs/detection-rules.md shows how cases are written.',
    status: 400,
  },
} as const satisfies ErrorDefinitions;

export const rulesError = defineErrors(definitions);
export type RuleErrorCode = keyof typeof definitions;
