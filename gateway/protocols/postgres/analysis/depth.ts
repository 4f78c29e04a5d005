/**
 * How deep a command's tree may become, from above. The parser's output is written and read recursively: a chain of thousands
 * of operators could exhaust the stack of the thread that everything else runs on.
 */

const OPERATORS = new Uint8Array(128);
for (const char of '+-*/<>=~!@#%^&|`?:[') OPERATORS[char.charCodeAt(0)] = 1;

const NESTING_WORDS =
  /\b(?:not|is|isnull|notnull|collate|at|union|except|intersect|join|else|analyze|any|all)\b/gi;

/** True where the tree might be deeper than `depthMax`; operators in literals and comments count as well. */
export function mayBeDeep(sql: string, depthMax: number): boolean {
  if (sql.length <= depthMax) return false;
  let operators = 0;
  let open = 0;
  let deepest = 0;
  for (let i = 0; i < sql.length; i++) {
    const code = sql.charCodeAt(i);
    if (code === 40) deepest = Math.max(deepest, ++open);
    else if (code === 41) open -= 1;
    else if (code < 128) operators += OPERATORS[code]!;
  }
  if (operators + deepest > depthMax) return true;
  return operators + deepest + (sql.match(NESTING_WORDS)?.length ?? 0) > depthMax;
}
