/** `node main/policy-input-reference.ts` writes docs/policy-input.schema.json: what a policy in Rego gets as input. */
import { writeFileSync } from 'node:fs';
import { PolicyInput } from '../schemas/policy/input.ts';

export const POLICY_INPUT_FILE = new URL('../docs/policy-input.schema.json', import.meta.url);

export function policyInputSchemaText(): string {
  const schema = { $schema: 'https://json-schema.org/draft/2020-12/schema', ...PolicyInput };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

if (import.meta.main) writeFileSync(POLICY_INPUT_FILE, policyInputSchemaText());
