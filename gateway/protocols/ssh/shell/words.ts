/** Words to fields: quotes, escapes, ANSI-C quoting and braces are resolved; expansions are not known. */
import type { DoubleQuotedChild, Word, WordPart } from 'unbash';
import type { Argument } from './command-line.ts';

type Sure = Argument['sure'];
const RANK: Readonly<Record<Sure, number>> = { known: 0, pattern: 1, unknown: 2 };
const PLAIN_ALTERNATIVE = /^[\w.:/@%+=~*?-]*$/;

const join = (one: Argument, other: Argument): Argument => ({
  text: one.text + other.text,
  sure: RANK[one.sure] >= RANK[other.sure] ? one.sure : other.sure,
});
const known = (text: string): Argument => ({ text, sure: 'known' });
const unknown = (text: string): Argument => ({ text, sure: 'unknown' });

/** Fields that a word gives; one, unless braces multiply it. A word that may give none or many is one unknown field. */
export function fieldsOf(word: Word, expansionsMax: number): readonly Argument[] {
  if (word.parts === undefined) return [known(word.value)];
  let fields: readonly Argument[] = [known('')];
  for (const part of word.parts) {
    const pieces = piecesOf(part, expansionsMax);
    if (pieces.length * fields.length > expansionsMax) return [unknown(word.text)];
    fields = fields.flatMap((field) => pieces.map((piece) => join(field, piece)));
  }
  return fields;
}

/** A word's text where it is one known field; null otherwise. */
export function knownText(word: Word | undefined): string | null {
  if (word === undefined) return null;
  const [only, ...others] = fieldsOf(word, 2);
  return only !== undefined && others.length === 0 && only.sure === 'known' ? only.text : null;
}

function piecesOf(part: WordPart, expansionsMax: number): readonly Argument[] {
  switch (part.type) {
    case 'Literal':
    case 'SingleQuoted':
      return [known(part.value)];
    case 'AnsiCQuoted':
      return [part.value.includes('\ufffd') ? unknown(part.text) : known(part.value)];
    case 'DoubleQuoted':
    case 'LocaleString':
      return [part.parts.map(quotedPiece).reduce(join, known(''))];
    case 'Glob':
    case 'ExtendedGlob':
      return [{ text: part.text, sure: 'pattern' }];
    case 'BraceExpansion':
      return bracesOf(part.text, expansionsMax);
    default:
      return [isHome(part) ? known('~') : unknown(part.text)];
  }
}

const quotedPiece = (part: DoubleQuotedChild): Argument =>
  part.type === 'Literal' ? known(part.value) : isHome(part) ? known('~') : unknown(part.text);

/** `$HOME` is where `~` is; a line that sets it is opaque (environment.ts). */
const isHome = (part: { readonly text: string }): boolean => part.text === '$HOME' || part.text === '${HOME}';

function bracesOf(text: string, expansionsMax: number): readonly Argument[] {
  const inner = text.slice(1, -1);
  const sequence = /^(-?\d{1,4})\.\.(-?\d{1,4})$/.exec(inner) ?? /^([A-Za-z])\.\.([A-Za-z])$/.exec(inner);
  if (sequence !== null) return sequenceOf(sequence[1]!, sequence[2]!, expansionsMax) ?? [unknown(text)];
  const alternatives = inner.split(',');
  if (alternatives.length < 2 || !alternatives.every((alternative) => PLAIN_ALTERNATIVE.test(alternative)))
    return [unknown(text)];
  return alternatives.map((alternative) => ({
    text: alternative,
    sure: /[*?]/.test(alternative) ? 'pattern' : 'known',
  }));
}

function sequenceOf(first: string, last: string, most: number): readonly Argument[] | null {
  const letters = Number.isNaN(Number(first));
  if (!letters && (/^-?0\d/.test(first) || /^-?0\d/.test(last))) return null;
  const from = letters ? first.charCodeAt(0) : Number(first);
  const to = letters ? last.charCodeAt(0) : Number(last);
  if (Math.abs(to - from) >= most) return null;
  const step = to >= from ? 1 : -1;
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, index) => {
    const value = from + step * index;
    return known(letters ? String.fromCharCode(value) : String(value));
  });
}
