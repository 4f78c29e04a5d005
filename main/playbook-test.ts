/** `playbook test`: a playbook's own cases, without a running gateway. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parsePlaybook } from '../responders/playbooks/parse-playbook.ts';
import { LIBRARY } from '../responders/playbooks/playbook-set.ts';
import { failedCases } from '../responders/playbooks/run-cases.ts';
import { formatProblem } from '../platform/config/checked-yaml.ts';

interface FileResult {
  readonly file: string;
  readonly cases: number;
  /** What is wrong, one line each. */
  readonly problems: readonly string[];
}

export function testPlaybook(file: string): FileResult {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return { file, cases: 0, problems: [`${file}: cannot be read: ${(error as Error).message}`] };
  }
  const parsed = parsePlaybook(file, text);
  if (!parsed.ok) return { file, cases: 0, problems: parsed.problems.map(formatProblem) };
  const { cases } = parsed.value;
  const failed = failedCases(parsed.value);
  return {
    file,
    cases: cases.length,
    problems: failed.map((reason) => `${file}:${lineOfCase(text, reason)}: ${reason}`),
  };
}

/** A failed case begins with its name, which stands in the file. */
function lineOfCase(text: string, reason: string): number {
  const lines = text.split('\n');
  const found = lines.findIndex((line) => {
    const name = /^\s*(?:- )?name:\s*(.+?)\s*$/.exec(line)?.[1]?.replace(/^(['"])(.*)\1$/, '$2');
    return name !== undefined && reason.startsWith(`${name}: `);
  });
  return found < 0 ? 1 : found + 1;
}

export const shippedPlaybooks = (): string[] =>
  readdirSync(LIBRARY)
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(LIBRARY, name));
