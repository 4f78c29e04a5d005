/**
 * The condition language (Sigma rules specification 2.1.0, "Condition"). Precedence, tightest first: parentheses, `x of`,
 * not, and, or. Keywords are matched in any case.
 *
 *     or    = and ("or" and)*            and  = not ("and" not)*
 *     not   = "not" not | primary        primary = "(" or ")" | ("all" | "any" | NUMBER) "of" (them | NAME*) | NAME
 */
import type { ConditionNode } from './ast.ts';
import { RuleFault } from './fault.ts';

const TOKEN = /\s+|([()])|([A-Za-z0-9_*.-]+)|(.)/gsy;
const TOKENS_MAX = 500;
const DEPTH_MAX = 50;

function tokenize(text: string, line: number): string[] {
  const tokens: string[] = [];
  for (const [, bracket, word, other] of text.matchAll(TOKEN)) {
    if (other === '|')
      throw new RuleFault(
        'SIGMA_UNSUPPORTED',
        line,
        'aggregations after "|" (deprecated in Sigma); write a correlation rule',
      );
    if (other !== undefined)
      throw new RuleFault('SIGMA_CONDITION', line, `"${other}" is not part of the language`);
    const token = bracket ?? word;
    if (token !== undefined) tokens.push(token);
  }
  if (tokens.length > TOKENS_MAX)
    throw new RuleFault('SIGMA_LIMIT', line, `over ${TOKENS_MAX} words in a condition`);
  return tokens;
}

/** Parses a condition. Faults: SIGMA_CONDITION, SIGMA_UNSUPPORTED, SIGMA_LIMIT at `line`. */
export function parseCondition(text: string, line: number): ConditionNode {
  const tokens = tokenize(text, line);
  let at = 0;
  let depth = 0;
  const fail = (reason: string): never => {
    throw new RuleFault('SIGMA_CONDITION', line, reason);
  };
  const isWord = (word: string): boolean => tokens[at]?.toLowerCase() === word;

  function chain(word: 'and' | 'or', next: () => ConditionNode): ConditionNode {
    const children = [next()];
    while (isWord(word)) {
      at++;
      children.push(next());
    }
    return children.length === 1 ? children[0]! : { kind: word, children };
  }

  const parseOr = (): ConditionNode => chain('or', parseAnd);
  const parseAnd = (): ConditionNode => chain('and', parseNot);

  function parseNot(): ConditionNode {
    if (++depth > DEPTH_MAX)
      throw new RuleFault('SIGMA_LIMIT', line, `a condition nested deeper than ${DEPTH_MAX}`);
    try {
      if (!isWord('not')) return parsePrimary();
      at++;
      return { kind: 'not', child: parseNot() };
    } finally {
      depth--;
    }
  }

  function parsePrimary(): ConditionNode {
    const token = tokens[at++];
    if (token === undefined) return fail('it ends where a selection was expected');
    if (token === '(') {
      const inner = parseOr();
      if (tokens[at++] !== ')') fail('a closing parenthesis is missing');
      return inner;
    }
    if (isWord('of')) return parseOf(token);
    if (token === ')' || /^(and|or|of)$/i.test(token))
      return fail(`"${token}" where a selection was expected`);
    if (token.includes('*')) return fail(`"${token}" needs "1 of" or "all of" before it`);
    return { kind: 'selection', name: token };
  }

  function parseOf(quantity: string): ConditionNode {
    at++;
    const pattern = tokens[at++];
    if (pattern === undefined || pattern === '(' || pattern === ')')
      return fail('"of" needs "them" or a name');
    const lower = quantity.toLowerCase();
    if (lower === 'all') return { kind: 'of', count: null, pattern };
    if (lower === 'any') return { kind: 'of', count: 1, pattern };
    if (!/^[1-9]\d{0,3}$/.test(quantity))
      return fail(`"${quantity} of": a number, "any" or "all" was expected`);
    return { kind: 'of', count: Number(quantity), pattern };
  }

  const result = parseOr();
  if (at < tokens.length) fail(`"${tokens[at]}" is left over`);
  return result;
}
