/**
 * PL/pgSQL by PostgreSQL's own parser for it: the statements that stand in a body, and whether there is more than can be seen
 * (dynamic SQL, a body that does not parse). What the parser's output does not show is counted against the text itself.
 */
import { mayBeDeep } from './depth.ts';
import { parsePlpgsql, parseSql, tokensOf } from './parser.ts';
import type { StoredCode } from './run.ts';
import { bodyOf, flagOf, isNode, listOf, nameParts, nodeOf, textOf, type TreeNode } from './tree.ts';

/** Longer bodies are not looked into, UTF-16 units: they would hold up the thread that everything else runs on. */
const BODY_LENGTH_MAX = 64 * 1024;
const BODY_DEPTH_MAX = 1000;
const TEXTS_MAX = 2000;

const KNOWN = new Set(
  `function var rec row recfield type expr condition exception exception_block raise_option diag_item case_when if_elsif promise
  stmt_block stmt_assign stmt_if stmt_case stmt_loop stmt_while stmt_fori stmt_fors stmt_forc stmt_foreach_a stmt_exit stmt_return
  stmt_return_next stmt_return_query stmt_raise stmt_assert stmt_execsql stmt_dynexecute stmt_dynfors stmt_getdiag stmt_open
  stmt_fetch stmt_close stmt_perform stmt_call stmt_commit stmt_rollback`
    .split(/\s+/)
    .map((name) => `PLpgSQL_${name}`),
);
/** The parser's modes of an expression (RawParseMode): a statement, an expression, an assignment. */
const STATEMENT_MODE = 0;
const ASSIGN_MODE = 3;

export const nothingHidden = (statements: readonly unknown[]): StoredCode => ({ statements, hidden: null });
export const isTooLong = (body: string): boolean =>
  body.length > BODY_LENGTH_MAX || mayBeDeep(body, BODY_DEPTH_MAX);

interface Gathered {
  readonly texts: string[];
  hidden: string | null;
}

/** `header` is everything of the CREATE FUNCTION before AS. */
export function seeThrough(header: string, body: string): StoredCode {
  if (isTooLong(body)) return { statements: [], hidden: 'too long' };
  let tag = '$body$';
  for (let n = 0; body.includes(tag); n++) tag = `$body${n}$`;
  const tree = parsePlpgsql(`${header} AS ${tag}${body}${tag}`);
  if (tree === undefined) return { statements: [], hidden: 'does not parse' };
  const gathered: Gathered = { texts: [], hidden: null };
  gather(tree, gathered);
  if (gathered.hidden === null && showsLess(body, gathered.texts)) gathered.hidden = 'not shown whole';
  const statements: unknown[] = [];
  for (const text of gathered.texts) {
    const parsed = parseSql(text);
    if (parsed.ok) statements.push(...parsed.statements.map(({ statement }) => statement));
    else gathered.hidden ??= 'does not parse';
  }
  return { statements, hidden: gathered.hidden };
}

function gather(value: unknown, found: Gathered): void {
  if (Array.isArray(value)) {
    for (const item of value) gather(item, found);
    return;
  }
  if (!isNode(value)) return;
  for (const key in value) {
    const inner = value[key];
    if (key.startsWith('PLpgSQL_') && !KNOWN.has(key)) found.hidden ??= key;
    if (key === 'PLpgSQL_expr' && isNode(inner)) takeExpression(inner, found);
    else if (key === 'PLpgSQL_stmt_dynexecute' || key === 'PLpgSQL_stmt_dynfors') {
      takeDynamic(nodeOf(inner as TreeNode, 'query'), found);
      for (const part in inner as TreeNode) if (part !== 'query') gather((inner as TreeNode)[part], found);
    } else if (key === 'dynquery') takeDynamic(inner, found);
    else if (key === 'PLpgSQL_type') takeType(textOf(inner as TreeNode, 'typname') ?? '', found);
    else gather(inner, found);
  }
}

function take(text: string, found: Gathered): void {
  if (found.texts.length < TEXTS_MAX) found.texts.push(text);
  else found.hidden ??= 'too many statements';
}

function takeExpression(expression: TreeNode, found: Gathered): void {
  const query = textOf(expression, 'query') ?? '';
  const mode = expression['parseMode'];
  if (mode === undefined || mode === STATEMENT_MODE) return take(query, found);
  if (typeof mode !== 'number') return void (found.hidden ??= 'expression');
  if (mode < ASSIGN_MODE) return take(`SELECT ${query}`, found);
  const [left, right] = sidesOf(query);
  if (left === undefined || right === undefined) return void (found.hidden ??= 'assignment');
  take(`SELECT ${left}`, found);
  take(`SELECT ${right}`, found);
}

/** Both sides of an assignment; subscripts on the left may hold anything. */
function sidesOf(query: string): [string?, string?] {
  const bytes = Buffer.from(query);
  let depth = 0;
  for (const { text, start, end } of tokensOf(query)) {
    if (text === '(' || text === '[') depth += 1;
    else if (text === ')' || text === ']') depth -= 1;
    else if (depth === 0 && (text === ':=' || text === '='))
      return [bytes.toString('utf8', 0, start), bytes.toString('utf8', end)];
  }
  return [];
}

/** EXECUTE of a constant is no secret; of anything else it is. */
function takeDynamic(value: unknown, found: Gathered): void {
  const expression = bodyOf(value, 'PLpgSQL_expr');
  const parsed = parseSql(`SELECT ${textOf(expression, 'query') ?? ''}`);
  const select = parsed.ok ? bodyOf(parsed.statements[0]?.statement, 'SelectStmt') : undefined;
  const target = bodyOf(listOf(select, 'targetList')[0], 'ResTarget');
  const constant = nodeOf(bodyOf(target?.['val'], 'A_Const'), 'sval');
  if (constant === undefined) found.hidden ??= 'dynamic SQL';
  else take(textOf(constant, 'sval') ?? '', found);
}

/** Constraints of a domain run when a variable of it gets a value. */
function takeType(name: string, found: Gathered): void {
  const [base, reference] = name.split('%');
  if (base === undefined || base.trim() === '' || base === 'record') return;
  // `table.column%TYPE` is one of the row's; of a variable, `%TYPE` is what is seen there.
  const meant = /^type/i.test(reference?.trim() ?? '') ? withoutLast(base) : base;
  if (meant === '') return;
  const text = `SELECT NULL::${meant}`;
  if (parseSql(text).ok) take(text, found);
}

/** A qualified name without its last part. */
function withoutLast(name: string): string {
  const dots = tokensOf(name).filter(({ text }) => text === '.');
  const last = dots.at(-1);
  return last === undefined ? '' : Buffer.from(name).toString('utf8', 0, last.start);
}

const VERBS =
  /^(?:select|insert|update|delete|merge|truncate|drop|create|alter|grant|revoke|copy|call|do|load|set|reset|lock|refresh|vacuum|reindex|notify|reassign)$/;

/** Words of PL/pgSQL before a bracket, which no statement of the body shows. */
const OWN_WORDS =
  /^(?:if|elsif|elseif|while|when|return|in|and|or|not|case|then|else|loop|exit|continue|perform|query|next|using|into|cursor|raise|execute|assert|values|by|begin)$/;

/** Whether the text holds more calls or verbs than what was gathered from it. */
function showsLess(body: string, texts: readonly string[]): boolean {
  const seen = new Map<string, number>();
  for (const text of texts)
    for (const [word, times] of countWords(text)) seen.set(word, (seen.get(word) ?? 0) + times);
  for (const [word, times] of countWords(body)) if ((seen.get(word) ?? 0) < times) return true;
  return false;
}

function countWords(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  const tokens = tokensOf(text);
  tokens.forEach(({ text: word }, index) => {
    const lower = word.toLowerCase();
    const called = tokens[index + 1]?.text === '(' && /^["\p{L}_]/u.test(word) && !OWN_WORDS.test(lower);
    if (called || VERBS.test(lower)) counts.set(lower, (counts.get(lower) ?? 0) + 1);
  });
  return counts;
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function typeText(type: TreeNode | undefined): string {
  const names = nameParts(type?.['names']).map(quote).join('.');
  const set = flagOf(type, 'setof') ? 'SETOF ' : '';
  const exact = flagOf(type, 'pct_type') ? '%TYPE' : '';
  return `${set}${names}${exact}${listOf(type, 'arrayBounds').length > 0 ? '[]' : ''}`;
}

/** The head of a CREATE FUNCTION with what the body's variables are known by. */
export function headerOf(node: TreeNode): string {
  const parameters = listOf(node, 'parameters').map((item) => bodyOf(item, 'FunctionParameter') ?? {});
  const mode = (one: TreeNode): string => (textOf(one, 'mode') ?? '').replace('FUNC_PARAM_', '');
  const text = (one: TreeNode): string => {
    const name = textOf(one, 'name');
    return `${name === null ? '' : `${quote(name)} `}${typeText(nodeOf(one, 'argType'))}`;
  };
  const columns = parameters.filter((one) => mode(one) === 'TABLE').map(text);
  const list = parameters
    .filter((one) => mode(one) !== 'TABLE')
    .map((one) => `${mode(one) === 'DEFAULT' ? 'IN' : mode(one)} ${text(one)}`);
  const out = parameters.some((one) => ['OUT', 'INOUT'].includes(mode(one)));
  const kind = flagOf(node, 'is_procedure') ? 'PROCEDURE' : 'FUNCTION';
  const returnType = nodeOf(node, 'returnType');
  const returns =
    columns.length > 0
      ? ` RETURNS TABLE (${columns.join(', ')})`
      : returnType === undefined || (out && !flagOf(returnType, 'setof'))
        ? ''
        : ` RETURNS ${typeText(returnType)}`;
  return `CREATE ${kind} body(${list.join(', ')})${returns} LANGUAGE plpgsql`;
}
