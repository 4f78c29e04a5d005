/** Runs the cases of rules, and the mutation test that holds the cases to their task. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Directory, Finding } from '../detector.ts';
import { caseViews, readCases, type RuleCase } from './cases.ts';
import { mutantsOf } from './mutants.ts';
import { compileParsed, parseFile, type ParsedRule } from './sigma/compile.ts';
import { RuleFault, toRuleError, type RuleError } from './sigma/fault.ts';
import type { LoadedRule } from './sigma/rule-detector.ts';
import { asMap, entry, readTrees, toValue, type Tree } from './sigma/tree.ts';

export interface CaseResult {
  readonly kind: RuleCase['kind'];
  readonly name: string;
  readonly line: number;
  readonly passed: boolean;
  /** What the rule said first; null where it said nothing. */
  readonly finding: Finding | null;
}

export interface RuleTestResult {
  readonly file: string;
  readonly errors: readonly RuleError[];
  readonly cases: readonly CaseResult[];
}

export interface MutationResult {
  readonly mutants: number;
  /** Mutants under which every case still passes, without a reason in `countersign.equivalent`. */
  readonly survivors: readonly string[];
  /** Entries of `countersign.equivalent` that name no surviving mutant. */
  readonly unneeded: readonly string[];
}

const NOBODY: Directory = { leftAt: () => undefined, ownerOf: () => undefined, timeZoneOf: () => 'UTC' };

/** Runs the cases of a file: `true` must fire, `false` and `evasion` must not. */
export function runRuleCases(file: string): RuleTestResult {
  const read = readFile(file);
  if ('error' in read) return { file, errors: [read.error], cases: [] };
  const { rules, errors } = compileParsed(read.parsed, {});
  if (errors.length > 0) return { file, errors, cases: [] };
  return { file, errors: [], cases: read.cases.map((one) => runCase(one, rules)) };
}

interface ReadRule {
  readonly parsed: readonly ParsedRule[];
  readonly cases: readonly RuleCase[];
  /** Mutant -> why it changes nothing. */
  readonly equivalent: ReadonlyMap<string, string>;
}

function readFile(file: string): ReadRule | { readonly error: RuleError } {
  try {
    const text = readFileSync(file, 'utf8');
    const trees = readTrees(text);
    const cases = trees.flatMap(readCases);
    for (const one of cases) caseViews(one);
    return {
      parsed: parseFile({ path: basename(file), text }),
      cases,
      equivalent: new Map(trees.flatMap(equivalentOf)),
    };
  } catch (error) {
    if (error instanceof RuleFault) return { error: toRuleError(file, error) };
    throw error;
  }
}

function equivalentOf(tree: Tree): [string, string][] {
  const block = entry(asMap(tree, 'a rule'), 'countersign');
  const found = block && entry(asMap(block.value, '"countersign"'), 'equivalent');
  return found ? Object.entries(toValue(found.value) as Record<string, string>) : [];
}

function runCase(one: RuleCase, rules: readonly LoadedRule[]): CaseResult {
  const finding = firstFinding(one, rules);
  return {
    kind: one.kind,
    name: one.name,
    line: one.line,
    passed: (finding !== null) === (one.kind === 'true'),
    finding,
  };
}

function firstFinding(one: RuleCase, rules: readonly LoadedRule[]): Finding | null {
  const states = new Map<string, unknown>();
  for (const view of caseViews(one)) {
    for (const { detector } of rules) {
      // State is kept per identity, as the engine does.
      const key = `${detector.name} ${view.event.identity?.id ?? ''}`;
      if (!states.has(key)) states.set(key, detector.createState());
      const context = { now: view.event.time, mayLearn: true, directory: NOBODY };
      const [finding] = detector.onEvent(view, states.get(key), context);
      if (finding !== undefined) return finding;
    }
  }
  return null;
}

/** Changes each condition in turn; a case must break for every change. The file's cases must pass as they are. */
export function runMutations(file: string): MutationResult {
  const read = readFile(file);
  if ('error' in read) return { mutants: 0, survivors: [read.error.message], unneeded: [] };
  const alive: string[] = [];
  let mutants = 0;
  for (const { name, parsed } of mutantsOf(read.parsed)) {
    const { rules, errors } = compileParsed(parsed, {});
    // A change that makes no valid rule could not be loaded either.
    if (errors.length > 0) continue;
    mutants++;
    if (read.cases.every((one) => runCase(one, rules).passed)) alive.push(name);
  }
  const known = [...read.equivalent.keys()];
  return {
    mutants,
    survivors: alive.filter((name) => !known.includes(name)),
    unneeded: known.filter((name) => !alive.includes(name)),
  };
}
