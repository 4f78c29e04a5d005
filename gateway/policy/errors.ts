/** Errors of the policy. Where the policy cannot decide, the code stands as the rule of the denial. */
import { defineErrors, type ErrorDefinitions } from '../../platform/errors/errors.ts';

export const definitions = {
  POLICY_INVALID: {
    message: 'policy rule "{rule}" is not valid: {reason}',
    hint: 'Correct the rule; the policy in force before stays in force. `countersign config check` names file and line.',
    status: 400,
  },
  POLICY_BUNDLE_MISSING: {
    message: 'the policy bundle {place} cannot be had: {reason}',
    hint: 'Check policy.rego.bundleFile or bundleUrl and its token. Until a bundle was loaded everything is denied; it is looked for again every pollMs.',
    status: 503,
  },
  POLICY_BUNDLE_INVALID: {
    message: 'the policy bundle {place} is not usable: {reason}',
    hint: 'Build it with `opa build -t wasm -e countersign/decision`. The bundle in force before stays in force; without one everything is denied.',
    status: 503,
  },
  POLICY_BUNDLE_UNTRUSTED: {
    message: 'the signature of the policy bundle {place} does not hold: {reason}',
    hint: 'Sign it with the key of policy.rego.verification (`opa build --signing-key`), or find out who changed it. The bundle in force before stays in force; without one everything is denied.',
    status: 503,
  },
  POLICY_TIMEOUT: {
    message: 'the policy took longer than {deadlineMs} ms and was ended',
    hint: 'Make the policy quicker (a loop over all of data for each decision is the usual cause), or raise policy.rego.deadlineMs.',
    status: 503,
  },
  POLICY_FAILED: {
    message: 'the policy failed: {reason}',
    hint: 'Evaluate it with `opa eval` on the input of the decision log; built-in functions that need the network or a clock do not work in a bundle.',
    status: 503,
  },
  POLICY_OVERLOADED: {
    message: 'too many decisions wait for the policy',
    hint: 'Make the policy quicker, or raise waitingMax.',
    status: 503,
  },
  POLICY_UNAVAILABLE: {
    message: 'the policy server does not answer: {reason}',
    hint: 'Check that OPA runs at policy.opa.url and loads its bundle; everything is denied until it answers.',
    status: 503,
  },
  POLICY_UNDEFINED: {
    message: 'the policy has no answer: {path} is undefined for this command',
    hint: 'Give the rule a default (`default decision := {"outcome": "deny", ...}`), and check its name.',
    status: 503,
  },
  POLICY_ANSWER_INVALID: {
    message: 'the policy answered what {path} may not answer: {reason}',
    hint: 'docs/policy.md says what an answer is; fields that are not known are refused, since a typo must not open anything.',
    status: 503,
  },
} as const satisfies ErrorDefinitions;

export const policyError = defineErrors(definitions);
