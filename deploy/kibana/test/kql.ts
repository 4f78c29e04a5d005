/** What a KQL query names: fields, and the values that they are compared with. A small reader of the language's grammar. */
export interface Comparison {
  readonly field: string;
  readonly values: readonly string[];
}

const TOKEN = /\s*(?:"((?:[^"\\]|\\.)*)"|([()])|(>=|<=|:|>|<)|([^\s()":<>]+))/gy;
type Token = { readonly kind: 'text' | 'paren' | 'operator' | 'word'; readonly text: string };

function tokens(query: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < query.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(query);
    if (match === null) throw new Error(`no KQL at ${at}: ${query}`);
    const [, text, paren, operator, word] = match;
    if (text !== undefined) found.push({ kind: 'text', text });
    else if (paren !== undefined) found.push({ kind: 'paren', text: paren });
    else if (operator !== undefined) found.push({ kind: 'operator', text: operator });
    else found.push({ kind: 'word', text: word! });
  }
  return found;
}

/** Throws where the query is none. */
export function comparisons(query: string): Comparison[] {
  const left = tokens(query);
  const result: Comparison[] = [];
  const next = (): Token => {
    const token = left.shift();
    if (token === undefined) throw new Error(`KQL ends early: ${query}`);
    return token;
  };
  const peek = (text: string): boolean => left[0]?.text === text && left[0].kind !== 'text';
  const value = (): string => {
    const token = next();
    if (token.kind !== 'text' && token.kind !== 'word')
      throw new Error(`no value: ${token.text} in ${query}`);
    return token.text;
  };
  const values = (): string[] => {
    if (!peek('(')) return [value()];
    next();
    const all = [value()];
    while (peek('or')) {
      next();
      all.push(value());
    }
    if (next().text !== ')') throw new Error(`) expected in ${query}`);
    return all;
  };
  const term = (): void => {
    if (peek('not')) {
      next();
      return term();
    }
    if (peek('(')) {
      next();
      expression();
      if (next().text !== ')') throw new Error(`) expected in ${query}`);
      return;
    }
    const field = next();
    const operator = next();
    if (field.kind !== 'word' || operator.kind !== 'operator')
      throw new Error(`no comparison: ${field.text} in ${query}`);
    result.push({ field: field.text, values: operator.text === ':' ? values() : [value()] });
  };
  const expression = (): void => {
    term();
    while (peek('and') || peek('or')) {
      next();
      term();
    }
  };
  if (left.length > 0) expression();
  if (left.length > 0) throw new Error(`something follows: ${left[0]!.text} in ${query}`);
  return result;
}
