/** The registry of rules: the shipped library and the folders of the configuration. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileRules, type CompileResult, type RuleFile } from './sigma/compile.ts';
import { RuleFault, toRuleError } from './sigma/fault.ts';
import type { Placeholders } from './sigma/selection.ts';

/** Folder of the rules that are shipped. */
export const libraryFolder = fileURLToPath(new URL('./library/', import.meta.url));

/**
 * Reads and compiles every `*.yml` and `*.yaml` directly in the folders, in the order of their names. A mistake, or a folder or
 * file that cannot be read, is an error in the result; hand the result to `createRuleSet().replace`, which then keeps what it has.
 */
export function loadRules(folders: readonly string[], placeholders: Placeholders = {}): CompileResult {
  const files: RuleFile[] = [];
  const unreadable: CompileResult['errors'][number][] = [];
  for (const folder of folders) {
    try {
      for (const path of ruleFiles(folder)) files.push({ path, text: readFileSync(path, 'utf8') });
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
      unreadable.push(
        toRuleError(folder, new RuleFault('SIGMA_INVALID', 1, `the folder cannot be read (${reason})`)),
      );
    }
  }
  const { rules, errors } = compileRules(files, placeholders);
  return { rules, errors: [...unreadable, ...errors] };
}

/** Paths of the rule files of a folder, sorted. */
export function ruleFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}
