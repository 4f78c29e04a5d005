/**
 * The quick look at a command: its text without plain literals, and these. Only what is certain without the lexer passes;
 * comments, escape strings, dollar quotes, backslashes and odd numbers are the parser's.
 */

export interface Shape {
  /** Text with every plain literal replaced by one character for its kind (string, integer, other number). */
  readonly key: string;
  /** Literals as written, in order. */
  readonly literals: readonly string[];
  /** Where each begins (UTF-16 units). */
  readonly offsets: readonly number[];
}

const QUOTE = 39;
const DOUBLE_QUOTE = 34;

const WORD = new Uint8Array(128);
for (const char of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789$')
  WORD[char.charCodeAt(0)] = 1;

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isWord(code: number): boolean {
  return code >= 128 || WORD[code] === 1;
}

/** End of a quoted run that begins at `at`, past its closing quote; -1 where it holds a backslash or does not end. */
function endOfQuoted(sql: string, at: number, quote: number): number {
  for (let i = at + 1; i < sql.length; i++) {
    const code = sql.charCodeAt(i);
    if (code === 92 || code === 0) return -1;
    if (code !== quote) continue;
    if (sql.charCodeAt(i + 1) !== quote) return i + 1;
    i += 1;
  }
  return -1;
}

/** End of a plain number (digits, with at most one fraction); -1 where it is anything else. */
function endOfNumber(sql: string, at: number): number {
  let i = at;
  while (isDigit(sql.charCodeAt(i))) i += 1;
  if (sql.charCodeAt(i) === 46) {
    i += 1;
    const fraction = i;
    while (isDigit(sql.charCodeAt(i))) i += 1;
    if (i === fraction) return -1;
  }
  const next = sql.charCodeAt(i);
  return next === 46 || isWord(next) ? -1 : i;
}

/** The grammar tells integers of 32 bits from other numbers: `varchar(5.0)` is no statement. */
function isInteger(sql: string, at: number, end: number): boolean {
  if (end - at > 9) return false;
  for (let i = at; i < end; i++) if (sql.charCodeAt(i) === 46) return false;
  return true;
}

/** Undefined where the text needs the full parser. */
export function shapeOf(sql: string): Shape | undefined {
  const literals: string[] = [];
  const offsets: number[] = [];
  let key = '';
  let from = 0;
  let previous = 32;
  let i = 0;
  while (i < sql.length) {
    const code = sql.charCodeAt(i);
    let end: number;
    if (code === QUOTE) {
      if (isWord(previous) || previous === 38 || previous === QUOTE) return undefined;
      end = endOfQuoted(sql, i, QUOTE);
      if (end === -1) return undefined;
      key += sql.slice(from, i) + '\u0001';
    } else if (isDigit(code) && !isWord(previous)) {
      if (previous === 46) return undefined;
      end = endOfNumber(sql, i);
      if (end === -1) return undefined;
      key += sql.slice(from, i) + (isInteger(sql, i, end) ? '\u0002' : '\u0005');
    } else {
      const next = plainEnd(sql, i, code, previous);
      if (next === -1) return undefined;
      previous = sql.charCodeAt(next - 1);
      i = next;
      continue;
    }
    literals.push(sql.slice(i, end));
    offsets.push(i);
    previous = sql.charCodeAt(end - 1);
    i = end;
    from = end;
  }
  return { key: key + sql.slice(from), literals, offsets };
}

/** Past a character, word or quoted identifier that stays in the key; -1 where it takes the parser. */
function plainEnd(sql: string, at: number, code: number, previous: number): number {
  if (code < 9 || code === 92) return -1;
  const next = sql.charCodeAt(at + 1);
  if (code === 45 && next === 45) return -1;
  if (code === 47 && next === 42) return -1;
  if (code === 36 && !isWord(previous) && !isDigit(next)) return -1;
  if (code === 36 && isWord(previous)) return -1;
  if (code === DOUBLE_QUOTE) return previous === 38 ? -1 : endOfQuoted(sql, at, DOUBLE_QUOTE);
  if (!isWord(code)) return at + 1;
  let end = at + 1;
  while (end < sql.length && isWord(sql.charCodeAt(end))) {
    if (sql.charCodeAt(end) === 36) return -1;
    end += 1;
  }
  return end;
}
