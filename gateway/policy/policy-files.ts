/** Policy files: read from their folders, and checked with file and line of every mistake. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lineOfPath, readCheckedYaml, type Problem } from '../../platform/config/checked-yaml.ts';
import { isCountersignError } from '../../platform/errors/errors.ts';
import { PolicyFile, type PolicyRule } from '../../schemas/config/policy-rule.ts';
import { compileRule } from './compile-rule.ts';
import { checkPolicyCases, type PolicyCaseFailure } from './policy-cases.ts';

/** A rule with where it stands. */
export interface PlacedRule {
  readonly rule: PolicyRule;
  readonly file: string;
  /** Of the file. */
  readonly text: string;
  /** Where in the file. */
  readonly path: readonly string[];
}

export interface ReadPolicyFiles {
  readonly rules: readonly PlacedRule[];
  readonly problems: readonly Problem[];
}

const FILES_MAX = 1000;

const placed = (
  rules: readonly PolicyRule[],
  file: string,
  text: string,
  path: readonly string[],
): PlacedRule[] => rules.map((rule, index) => ({ rule, file, text, path: [...path, String(index)] }));

/** Rules that stand in the configuration file itself. */
export const placedInConfig = (
  rules: readonly PolicyRule[],
  file: string,
  text: string,
): readonly PlacedRule[] => placed(rules, file, text, ['policy', 'rules']);

const unreadable = (file: string, cause: unknown): Problem => ({
  file,
  line: 0,
  path: '',
  reason: `cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`,
});

/** The rules of files, in the order given. */
export function readPolicyFiles(files: readonly string[]): ReadPolicyFiles {
  const rules: PlacedRule[] = [];
  const problems: Problem[] = [];
  for (const file of files) {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (cause) {
      problems.push(unreadable(file, cause));
      continue;
    }
    const read = readCheckedYaml(file, text, PolicyFile);
    if (read.ok) rules.push(...placed(read.value.rules, file, text, ['rules']));
    else problems.push(...read.problems);
  }
  return { rules, problems };
}

/** The policy files of folders, by name within each. A folder that is not there is a mistake: its rules would be missing unseen. */
export function readPolicyFolders(folders: readonly string[]): ReadPolicyFiles {
  const files: string[] = [];
  const problems: Problem[] = [];
  for (const folder of folders) {
    try {
      const names = readdirSync(folder)
        .filter((name) => /\.ya?ml$/.test(name))
        .sort();
      if (names.length === 0)
        problems.push({ file: folder, line: 0, path: '', reason: 'holds no policy file (*.yaml, *.yml)' });
      files.push(...names.map((name) => join(folder, name)));
    } catch (cause) {
      problems.push(unreadable(folder, cause));
    }
  }
  if (files.length > FILES_MAX)
    return {
      rules: [],
      problems: [{ file: folders[0]!, line: 0, path: '', reason: `more than ${FILES_MAX} files` }],
    };
  const read = readPolicyFiles(files);
  return { rules: read.rules, problems: [...problems, ...read.problems] };
}

function ruleProblem(rule: PolicyRule, earlier: readonly PlacedRule[]): string | undefined {
  const taken = earlier.find((other) => other.rule.name === rule.name);
  if (taken !== undefined) {
    const line = lineOfPath(taken.text, taken.path);
    return `the name is taken by a rule above${taken.path[0] === 'policy' ? '' : ` (${taken.file}:${line})`}`;
  }
  try {
    compileRule(rule);
    return undefined;
  } catch (error) {
    if (isCountersignError(error)) return String(error.details['reason']);
    throw error;
  }
}

function problemAt(
  { rule, file, text, path }: PlacedRule,
  reason: string,
  within: readonly string[] = [],
): Problem {
  const full = [...path, ...within];
  return {
    file,
    line: lineOfPath(text, full),
    path: full.join('.'),
    reason: `rule "${rule.name}": ${reason}`,
  };
}

/** Where a case stands that the policy does not keep, and how it came out. */
export function caseProblem(rules: readonly PlacedRule[], failure: PolicyCaseFailure): Problem {
  const { rule, name, place, expected, actual, expectedRule, decidedBy } = failure;
  const by = expectedRule === null ? '' : ` by ${expectedRule}`;
  return problemAt(
    rules.find((candidate) => candidate.rule.name === rule)!,
    `the case "${name}" expects ${expected}${by}, but ${decidedBy} says ${actual}`,
    ['cases', String(place)],
  );
}

/** Mistakes in the rules, and cases that the policy of all of them does not keep. */
export function checkPlacedRules(rules: readonly PlacedRule[]): readonly Problem[] {
  const problems = rules.flatMap((one, index) => {
    const reason = ruleProblem(one.rule, rules.slice(0, index));
    return reason === undefined ? [] : [problemAt(one, reason)];
  });
  if (problems.length > 0 || rules.length === 0) return problems;
  return checkPolicyCases({ rules: rules.map(({ rule }) => rule) }).map((failure) =>
    caseProblem(rules, failure),
  );
}
