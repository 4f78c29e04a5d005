/** Stored texts as trees: what a definition runs, without the command around it. */
import { parseSql } from '../analysis/parser.ts';
import type { StoredCode } from '../analysis/run.ts';
import { codeOf } from '../analysis/statements/code.ts';
import { bodyOf, listOf, nodeOf, optionOn, options, textOf, type TreeNode } from '../analysis/tree.ts';
import { isTooLong, nothingHidden } from '../analysis/procedural.ts';

const HIDDEN: StoredCode = { statements: [], hidden: 'does not parse' };

function first(sql: string, type: string): TreeNode | undefined {
  if (isTooLong(sql)) return undefined;
  const parsed = parseSql(sql);
  return parsed.ok ? bodyOf(parsed.statements[0]?.statement, type) : undefined;
}

/** A query of a view. */
export function queryCode(sql: string): StoredCode {
  const select = first(sql, 'SelectStmt');
  return select === undefined ? HIDDEN : nothingHidden([{ SelectStmt: select }]);
}

/** Relations that a simple view passes writes on to. */
export function baseRelations(sql: string): readonly { schema: string; name: string; only: boolean }[] {
  const found: { schema: string; name: string; only: boolean }[] = [];
  const gather = (value: unknown): void => {
    const range = bodyOf(value, 'RangeVar');
    if (range !== undefined)
      found.push({
        schema: textOf(range, 'schemaname') ?? 'pg_catalog',
        name: textOf(range, 'relname') ?? '',
        only: range['inh'] !== true,
      });
    const join = bodyOf(value, 'JoinExpr');
    if (join !== undefined) for (const side of [join['larg'], join['rarg']]) gather(side);
  };
  for (const source of listOf(first(sql, 'SelectStmt'), 'fromClause')) gather(source);
  return found;
}

/** Expressions, each as it stands. */
export function expressionCode(texts: readonly string[]): StoredCode {
  const statements: unknown[] = [];
  for (const text of texts.filter((one) => one !== '')) {
    const select = first(`SELECT ${text}`, 'SelectStmt');
    if (select === undefined) return HIDDEN;
    statements.push(select['targetList']);
  }
  return nothingHidden(statements);
}

export function ruleCode(text: string): StoredCode {
  const rule = first(text, 'RuleStmt');
  if (rule === undefined) return HIDDEN;
  return nothingHidden([rule['whereClause'], rule['actions']]);
}

export function triggerCode(text: string): StoredCode {
  if (text === '') return nothingHidden([]);
  const trigger = first(text, 'CreateTrigStmt');
  return trigger === undefined ? HIDDEN : nothingHidden([trigger['whenClause']]);
}

export function indexCode(text: string): StoredCode {
  const index = first(text, 'IndexStmt');
  return index === undefined ? HIDDEN : nothingHidden([index['indexParams'], index['whereClause']]);
}

/** `PARTITION BY` of a table: strategy and key. */
export function partitionCode(text: string): StoredCode {
  const table = first(`CREATE TABLE x () PARTITION BY ${text}`, 'CreateStmt');
  const key = nodeOf(table, 'partspec');
  return key === undefined ? HIDDEN : nothingHidden([key['partParams']]);
}

/** Conditions of a domain, as `CHECK (...)` one behind the other. */
export function checkCode(text: string): StoredCode {
  if (text === '') return nothingHidden([]);
  const domain = first(`CREATE DOMAIN x AS int ${text}`, 'CreateDomainStmt');
  if (domain === undefined) return HIDDEN;
  return nothingHidden(listOf(domain, 'constraints').map((one) => bodyOf(one, 'Constraint')?.['raw_expr']));
}

export interface FunctionCode extends StoredCode {
  /** Runs with its owner's privileges. */
  readonly asOwner: boolean;
  /** New-style bodies are qualified by the server. */
  readonly qualified: boolean;
  /** An empty one stands for the caller's. */
  readonly searchPath: string | null;
  readonly strangeStrings: boolean;
}

/** `settings`: `name=value` a line. */
export function functionCode(text: string, settings: string): FunctionCode {
  const node = first(text, 'CreateFunctionStmt');
  const own = new Map(
    settings.split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1)];
    }),
  );
  const code = node === undefined ? HIDDEN : codeOf(node);
  return {
    ...code,
    asOwner: node !== undefined && optionOn(options(listOf(node, 'options')), 'security'),
    qualified: node?.['sql_body'] !== undefined,
    searchPath: own.get('search_path') ?? null,
    strangeStrings: /^(off|false|0|no)$/i.test(own.get('standard_conforming_strings') ?? ''),
  };
}
