/** Does SQL text end with a statement that is complete? PostgreSQL's rules for quotes, dollar quotes and comments (documentation, 4.1). */

/** The end of a quoted piece that begins at `at`, or -1 where it does not end. */
function endOfQuote(text: string, at: number): number {
  const quote = text[at]!;
  const escapes = quote === "'" && /[eE]/.test(text[at - 1] ?? '') && !/\w/.test(text[at - 2] ?? '');
  for (let index = at + 1; index < text.length; index += 1) {
    if (escapes && text[index] === '\\') index += 1;
    else if (text[index] === quote) {
      if (text[index + 1] !== quote) return index + 1;
      index += 1;
    }
  }
  return -1;
}

function endOfBlockComment(text: string, at: number): number {
  let depth = 0;
  for (let index = at; index < text.length - 1; index += 1) {
    const pair = text.slice(index, index + 2);
    if (pair === '/*') depth += 1;
    else if (pair === '*/') depth -= 1;
    else continue;
    index += 1;
    if (depth === 0) return index + 1;
  }
  return -1;
}

const endAfter = (text: string, mark: string, from: number): number => {
  const end = text.indexOf(mark, from);
  return end < 0 ? -1 : end + mark.length;
};

/** The end of what stands at `at`, -1 where it does not end; a plain character is its own. */
function endOfPiece(text: string, at: number): number {
  const character = text[at]!;
  if (character === "'" || character === '"') return endOfQuote(text, at);
  if (text.startsWith('--', at)) {
    const end = text.indexOf('\n', at);
    return end < 0 ? text.length : end + 1;
  }
  if (text.startsWith('/*', at)) return endOfBlockComment(text, at);
  const dollar = /^\$(?:[A-Za-z_]\w*)?\$/.exec(text.slice(at, at + 66))?.[0];
  if (dollar !== undefined && !/[\w$]/.test(text[at - 1] ?? ''))
    return endAfter(text, dollar, at + dollar.length);
  return at + 1;
}

/** True where the last thing outside of quotes and comments is a semicolon. */
export function isComplete(text: string): boolean {
  let last = '';
  for (let at = 0; at < text.length;) {
    const end = endOfPiece(text, at);
    if (end < 0) return false;
    const isComment = text.startsWith('--', at) || text.startsWith('/*', at);
    const piece = text.slice(at, end);
    if (!isComment && piece.trim() !== '') last = piece;
    at = end;
  }
  return last === ';';
}
