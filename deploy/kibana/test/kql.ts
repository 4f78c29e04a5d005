/** KQL, as far as the shipped queries use it: a reader, what a query names, and the query that Kibana makes of it for Elasticsearch. */
export type Kql =
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Kql[] }
  | { readonly kind: 'not'; readonly part: Kql }
  | {
      readonly kind: 'compare';
      readonly field: string;
      readonly operator: string;
      readonly values: readonly string[];
    };

export type Comparison = Extract<Kql, { kind: 'compare' }>;

const TOKEN = /\s*(?:"((?:[^"\\]|\\.)*)"|([()])|(>=|<=|:|>|<)|([^\s()":<>]+))/gy;
interface Token {
  readonly kind: 'text' | 'paren' | 'operator' | 'word';
  readonly text: string;
}

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

/** Throws where the query is none. `and` binds more than `or`. */
export function parseKql(query: string): Kql {
  const left = tokens(query);
  const next = (): Token => {
    const token = left.shift();
    if (token === undefined) throw new Error(`KQL ends early: ${query}`);
    return token;
  };
  const peek = (text: string): boolean => left[0]?.text === text && left[0].kind !== 'text';
  const close = (): void => {
    if (next().text !== ')') throw new Error(`) expected in ${query}`);
  };
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
    close();
    return all;
  };
  const term = (): Kql => {
    if (peek('not')) {
      next();
      return { kind: 'not', part: term() };
    }
    if (peek('(')) {
      next();
      const inner = either();
      close();
      return inner;
    }
    const field = next();
    const operator = next();
    if (field.kind !== 'word' || operator.kind !== 'operator')
      throw new Error(`no comparison: ${field.text} in ${query}`);
    return {
      kind: 'compare',
      field: field.text,
      operator: operator.text,
      values: operator.text === ':' ? values() : [value()],
    };
  };
  const joined = (word: 'and' | 'or', one: () => Kql): Kql => {
    const parts = [one()];
    while (peek(word)) {
      next();
      parts.push(one());
    }
    return parts.length === 1 ? parts[0]! : { kind: word, parts };
  };
  const either = (): Kql => joined('or', () => joined('and', term));
  if (left.length === 0) return { kind: 'all' };
  const parsed = either();
  if (left.length > 0) throw new Error(`something follows: ${left[0]!.text} in ${query}`);
  return parsed;
}

/** Every comparison in a query. */
export function comparisons(query: string): Comparison[] {
  const walk = (node: Kql): Comparison[] => {
    switch (node.kind) {
      case 'all':
        return [];
      case 'and':
      case 'or':
        return node.parts.flatMap(walk);
      case 'not':
        return walk(node.part);
      case 'compare':
        return [node];
    }
  };
  return walk(parseKql(query));
}

const RANGES: Readonly<Record<string, string>> = { '>': 'gt', '>=': 'gte', '<': 'lt', '<=': 'lte' };

/** The query in Elasticsearch's language, as Kibana's kuery makes it. */
export function toDsl(node: Kql): object {
  switch (node.kind) {
    case 'all':
      return { match_all: {} };
    case 'and':
      return { bool: { filter: node.parts.map(toDsl) } };
    case 'or':
      return { bool: { should: node.parts.map(toDsl), minimum_should_match: 1 } };
    case 'not':
      return { bool: { must_not: toDsl(node.part) } };
    case 'compare': {
      const { field, operator, values } = node;
      if (operator !== ':') return { range: { [field]: { [RANGES[operator]!]: values[0] } } };
      const any = values.map((value) =>
        value === '*' ? { exists: { field } } : { match_phrase: { [field]: value } },
      );
      return { bool: { should: any, minimum_should_match: 1 } };
    }
  }
}
