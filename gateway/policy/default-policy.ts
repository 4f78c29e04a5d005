/** The shipped policy. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import Value from 'typebox/value';
import { PolicyFile } from '../../schemas/config/policy-rule.ts';
import { policyError } from './errors.ts';

/** Reads gateway/policy/default-policy.yaml. Throws POLICY_INVALID where the file was damaged. */
export function readDefaultPolicy(): PolicyFile {
  const content: unknown = parse(readFileSync(new URL('./default-policy.yaml', import.meta.url), 'utf8'));
  if (!Value.Check(PolicyFile, content)) {
    throw policyError('POLICY_INVALID', {
      rule: 'default-policy.yaml',
      reason: 'the shipped file does not fit its schema',
    });
  }
  return content;
}
