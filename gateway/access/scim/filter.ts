/**
 * Filters of SCIM (RFC 7644, section 3.4.2.2): comparisons, `pr`, and, or, not, parentheses, and value filters `emails[type eq "work"]`.
 *
 *   filter = term *("or" term)   term = factor *("and" factor)
 *   factor = ["not"] "(" filter ")" / path "[" filter "]" / path "pr" / path op value
 */
export type ScimValue = string | number | boolean | null;
export type ScimFilter = (resource: unknown) => boolean;

const CHARACTERS_MAX = 2048;
const DEPTH_MAX = 16;
const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|([()[\]])|([A-Za-z$][\w.:$-]*)|(-?\d+(?:\.\d+)?))/y;
const OPERATORS = new Set(['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le']);
/** Texts whose case counts (RFC 7643, section 3.1 and 4.1); all others are compared without. */
const EXACT = new Set(['id', 'externalid', 'value']);

/** Attribute names know no case (RFC 7643, section 2.1). */
export function memberOf(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null) return undefined;
  const key = Object.keys(object).find((one) => one.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : (object as Record<string, unknown>)[key];
}

/** `urn:...:User:name.familyName` and `name.familyName` alike, as a list of names. */
export const namesOfPath = (path: string): string[] => path.slice(path.lastIndexOf(':') + 1).split('.');

/** All values that a path leads to; lists are gone through. */
export function valuesAt(resource: unknown, path: readonly string[]): unknown[] {
  let found: unknown[] = [resource];
  for (const name of path)
    found = found
      .flatMap((one) => (Array.isArray(one) ? (one as unknown[]) : [one]))
      .map((one) => memberOf(one, name))
      .filter((one) => one !== undefined && one !== null);
  return found.flatMap((one) => (Array.isArray(one) ? (one as unknown[]) : [one]));
}

function compare(operator: string, found: unknown, wanted: ScimValue, isExact: boolean): boolean {
  // A list of objects is compared by their `value` (RFC 7644, section 3.4.2.2).
  const plain = typeof found === 'object' && found !== null ? memberOf(found, 'value') : found;
  if (operator === 'eq' && typeof plain !== 'string') return plain === wanted;
  if (typeof plain === 'number' && typeof wanted === 'number')
    return (
      { gt: plain > wanted, ge: plain >= wanted, lt: plain < wanted, le: plain <= wanted }[operator] ?? false
    );
  if (typeof plain !== 'string' || typeof wanted !== 'string') return false;
  const [one, other] = isExact ? [plain, wanted] : [plain.toLowerCase(), wanted.toLowerCase()];
  switch (operator) {
    case 'eq':
      return one === other;
    case 'co':
      return one.includes(other);
    case 'sw':
      return one.startsWith(other);
    case 'ew':
      return one.endsWith(other);
    case 'gt':
      return one > other;
    case 'ge':
      return one >= other;
    case 'lt':
      return one < other;
    default:
      return one <= other;
  }
}

/** Undefined where it is no filter. */
export function parseFilter(text: string): ScimFilter | undefined {
  if (text.length > CHARACTERS_MAX) return undefined;
  const words: string[] = [];
  TOKEN.lastIndex = 0;
  while (text.slice(TOKEN.lastIndex).trim() !== '') {
    const match = TOKEN.exec(text);
    if (match === null) return undefined;
    words.push(match[0].trim());
  }
  let at = 0;
  class Wrong extends Error {}
  const next = (): string => {
    const word = words[at];
    if (word === undefined) throw new Wrong();
    at += 1;
    return word;
  };
  const is = (word: string): boolean => words[at]?.toLowerCase() === word;
  const expect = (word: string): void => {
    if (next() !== word) throw new Wrong();
  };
  const value = (): ScimValue => {
    const word = next();
    if (word.startsWith('"')) return JSON.parse(word) as string;
    if (/^-?\d/.test(word)) return Number(word);
    const known: Readonly<Record<string, ScimValue>> = { true: true, false: false, null: null };
    if (!Object.hasOwn(known, word)) throw new Wrong();
    return known[word]!;
  };
  const factor = (depth: number): ScimFilter => {
    if (depth > DEPTH_MAX) throw new Wrong();
    if (is('not')) {
      at += 1;
      if (!is('(')) throw new Wrong();
      const inner = factor(depth + 1);
      return (resource) => !inner(resource);
    }
    if (is('(')) {
      at += 1;
      const inner = filter(depth + 1);
      expect(')');
      return inner;
    }
    const word = next();
    if (!/^[A-Za-z$]/.test(word)) throw new Wrong();
    const path = namesOfPath(word);
    if (is('[')) {
      at += 1;
      const inner = filter(depth + 1);
      expect(']');
      return (resource) => valuesAt(resource, path).some((one) => inner(one));
    }
    const operator = next().toLowerCase();
    if (operator === 'pr') return (resource) => valuesAt(resource, path).some((one) => one !== '');
    if (!OPERATORS.has(operator)) throw new Wrong();
    const wanted = value();
    const isExact = EXACT.has(path.at(-1)!.toLowerCase());
    if (operator === 'ne')
      return (resource) => !valuesAt(resource, path).some((one) => compare('eq', one, wanted, isExact));
    return (resource) => valuesAt(resource, path).some((one) => compare(operator, one, wanted, isExact));
  };
  const term = (depth: number): ScimFilter => {
    const factors = [factor(depth)];
    while (is('and')) {
      at += 1;
      factors.push(factor(depth));
    }
    return (resource) => factors.every((one) => one(resource));
  };
  const filter = (depth: number): ScimFilter => {
    const terms = [term(depth)];
    while (is('or')) {
      at += 1;
      terms.push(term(depth));
    }
    return (resource) => terms.some((one) => one(resource));
  };
  try {
    const whole = filter(0);
    return at === words.length ? whole : undefined;
  } catch (error) {
    if (error instanceof Wrong || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
