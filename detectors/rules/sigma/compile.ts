/** From files to rules. All or nothing: one mistake and the caller keeps the set it has. */
import { sha256Hex } from '../../../platform/digest/sha256.ts';
import type { CorrelationRule, PlainRule, SigmaRule } from './ast.ts';
import { needsOf, type Needs } from './candidates.ts';
import { RuleFault, toRuleError, type RuleError } from './fault.ts';
import { parseRule } from './parse.ts';
import { correlationDetector, plainDetector, type LoadedRule } from './rule-detector.ts';
import { compileRule, type Placeholders } from './selection.ts';
import { readTrees, toValue, type Tree } from './tree.ts';

export interface RuleFile {
  /** As it shall stand in errors. */
  readonly path: string;
  readonly text: string;
}

export interface CompileResult {
  /** In the order of the files. */
  readonly rules: readonly LoadedRule[];
  readonly errors: readonly RuleError[];
}

/** A parsed document with what tells its content apart from another version's. */
export interface ParsedRule {
  readonly rule: SigmaRule;
  readonly digest: string;
}

const FILE_BYTES_MAX = 256 * 1024;
const RULES_MAX = 10_000;

/** Compiles all files together, since correlations name rules of other files. Never throws for what a file contains. */
export function compileRules(files: readonly RuleFile[], placeholders: Placeholders = {}): CompileResult {
  const errors: RuleError[] = [];
  const parsed: ParsedRule[] = [];
  for (const file of files) guard(file.path, errors, () => parsed.push(...parseFile(file)));
  if (parsed.length > RULES_MAX)
    errors.push(toRuleError(files[0]!.path, new RuleFault('SIGMA_LIMIT', 1, `over ${RULES_MAX} rules`)));
  return compileParsed(parsed, placeholders, errors);
}

export function parseFile({ path, text }: RuleFile): ParsedRule[] {
  if (text.length > FILE_BYTES_MAX)
    throw new RuleFault('SIGMA_LIMIT', 1, `a file over ${FILE_BYTES_MAX} bytes`);
  return readTrees(text).map((tree) => ({ rule: parseRule(tree, path), digest: digestOf(tree) }));
}

/** Compiles what is parsed; used by mutation tests, which change the parsed form. */
export function compileParsed(
  parsed: readonly ParsedRule[],
  placeholders: Placeholders,
  errors: RuleError[] = [],
): CompileResult {
  const rules: LoadedRule[] = [];
  const byName = indexByName(parsed, errors);
  const helpers = helpersOf(parsed, byName);
  for (const one of parsed) {
    guard(one.rule.meta.file, errors, () => {
      const loaded = compileOne(one, byName, placeholders);
      if (!helpers.has(one.rule)) rules.push(loaded);
    });
  }
  return { rules, errors };
}

function compileOne(
  { rule, digest }: ParsedRule,
  byName: ReadonlyMap<string, ParsedRule>,
  placeholders: Placeholders,
): LoadedRule {
  const name = detectorName(rule);
  if (rule.kind === 'plain') {
    const needs = needsOf(rule);
    return {
      meta: rule.meta,
      needs,
      detector: plainDetector(rule, name, digest, compileRule(rule, placeholders), needs),
    };
  }
  const sources = rule.rules.map((reference) => {
    const found = byName.get(reference);
    if (found === undefined)
      throw new RuleFault('SIGMA_REFERENCE', rule.meta.line, `there is no rule "${reference}"`);
    if (found.rule.kind === 'correlation')
      throw new RuleFault(
        'SIGMA_UNSUPPORTED',
        rule.meta.line,
        `correlations of correlations ("${reference}")`,
      );
    return found as ParsedRule & { rule: PlainRule };
  });
  checkAliases(rule, byName);
  const needs = sources.map((source) => needsOf(source.rule)).reduce(either);
  const compiled = sources.map((source) => ({
    matches: compileRule(source.rule, placeholders),
    names: [source.rule.meta.name, source.rule.meta.id].filter((text) => text !== null),
  }));
  // A change of a rule that is counted is a change of the count.
  const version = sha256Hex([digest, ...sources.map((source) => source.digest)].join(), 12);
  const detector = correlationDetector(rule, name, version, compiled, needs);
  return { meta: rule.meta, needs, detector };
}

function checkAliases(rule: CorrelationRule, byName: ReadonlyMap<string, ParsedRule>): void {
  for (const [alias, fields] of rule.aliases)
    for (const name of fields.keys())
      if (!byName.has(name))
        throw new RuleFault(
          'SIGMA_REFERENCE',
          rule.meta.line,
          `alias "${alias}" names a rule "${name}" that is not there`,
        );
}

const either = (a: Needs, b: Needs): Needs => ({
  kinds: a.kinds === null || b.kinds === null ? null : new Set([...a.kinds, ...b.kinds]),
  actions: a.actions === null || b.actions === null ? null : new Set([...a.actions, ...b.actions]),
});

/** Rules that only serve a correlation of the same file do not speak themselves, unless it says `generate: true`. */
function helpersOf(
  parsed: readonly ParsedRule[],
  byName: ReadonlyMap<string, ParsedRule>,
): ReadonlySet<SigmaRule> {
  const helpers = new Set<SigmaRule>();
  for (const { rule } of parsed) {
    if (rule.kind !== 'correlation' || rule.generate) continue;
    for (const reference of rule.rules) {
      const found = byName.get(reference)?.rule;
      if (found !== undefined && found.meta.file === rule.meta.file && !found.meta.ours) helpers.add(found);
    }
  }
  return helpers;
}

function indexByName(parsed: readonly ParsedRule[], errors: RuleError[]): ReadonlyMap<string, ParsedRule> {
  const byName = new Map<string, ParsedRule>();
  const detectors = new Set<string>();
  for (const one of parsed) {
    guard(one.rule.meta.file, errors, () => {
      const { id, name, line } = one.rule.meta;
      for (const key of [id, name]) {
        if (key === null) continue;
        if (byName.has(key)) throw new RuleFault('SIGMA_DUPLICATE', line, `"${key}"`);
        byName.set(key, one);
      }
      const detector = detectorName(one.rule);
      if (detectors.has(detector))
        throw new RuleFault(
          'SIGMA_DUPLICATE',
          line,
          `two rules would be called "${detector}"; give one a name`,
        );
      detectors.add(detector);
    });
  }
  return byName;
}

/** Name of the rule, else of its file. */
function detectorName({ meta }: SigmaRule): string {
  return meta.name ?? meta.file.replace(/^.*[/\\]/, '').replace(/\.ya?ml$/, '');
}

/** Cases do not change what a rule does; everything else does. */
function digestOf(tree: Tree): string {
  const value = toValue(tree) as { countersign?: { cases?: unknown } | null };
  if (value.countersign?.cases !== undefined) delete value.countersign.cases;
  return sha256Hex(JSON.stringify(value), 12);
}

function guard(file: string, errors: RuleError[], work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof RuleFault)) throw error;
    errors.push(toRuleError(file, error));
  }
}
