/** Whether a shell that reads lines would ask for another one before it runs anything. */
import { parse, type ParsedScript } from 'unbash';

const LENGTH_MAX = 16_384;
const HERE_DOCUMENTS_MAX = 100;

/** Errors that more text could mend. */
const OPEN = /^(unterminated|expected|unexpected end|missing)/i;

/** True where the text is the beginning of a command: an open quote, a here document, `do` without `done`, a backslash at the end. */
export function isIncomplete(text: string): boolean {
  if (text.length > LENGTH_MAX || text.split('<<', HERE_DOCUMENTS_MAX + 2).length > HERE_DOCUMENTS_MAX)
    return false;
  const backslashes = /\\+$/.exec(text.replace(/\n$/, ''));
  if (backslashes !== null && backslashes[0].length % 2 === 1) return true;
  try {
    const tree = parse(text);
    const errors = tree.errors ?? [];
    if (errors.length > 0) return errors.every(({ message, pos }) => isOpenAt(text, message, pos));
    return hasOpenDocument(tree);
  } catch {
    return false;
  }
}

/** An error that stands at the end, or a quote or bracket that nothing closes. */
export const isOpenAt = (text: string, message: string, position: number): boolean =>
  /^unterminated/i.test(message) ||
  (OPEN.test(message) && /^\s*([{(]|do|then|else|elif|if|while|until)?\s*$/.test(text.slice(position)));

function hasOpenDocument(tree: ParsedScript): boolean {
  let open = false;
  const look = (node: unknown, depth: number): void => {
    if (open || depth > 40 || typeof node !== 'object' || node === null) return;
    const { type, closing } = node as { readonly type?: string; readonly closing?: unknown };
    if (type === 'HereDoc' && closing === undefined) {
      open = true;
      return;
    }
    for (const value of Object.values(node)) if (typeof value === 'object') look(value, depth + 1);
  };
  look(tree, 0);
  return open;
}
