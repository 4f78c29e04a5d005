/** Text patterns with `*` and `?`; a backslash takes the meaning from the `*`, `?` or backslash that follows. */
export type TextTest = (text: string) => boolean;

/** A pattern cut into literal characters and wildcards. */
export type Piece = { readonly literal: string } | { readonly wildcard: '*' | '?' };

export function readPieces(pattern: string): Piece[] {
  const pieces: Piece[] = [];
  let literal = '';
  const flush = (): void => {
    if (literal !== '') pieces.push({ literal });
    literal = '';
  };
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!;
    const next = pattern[i + 1];
    if (char === '\\' && (next === '*' || next === '?' || next === '\\')) {
      literal += next;
      i++;
    } else if (char === '*' || char === '?') {
      flush();
      pieces.push({ wildcard: char });
    } else literal += char;
  }
  flush();
  return pieces;
}

/** The literal text of a pattern, wildcards as they stand; for modifiers that encode the value. */
export const literalOf = (pattern: string): string =>
  readPieces(pattern)
    .map((piece) => ('literal' in piece ? piece.literal : piece.wildcard))
    .join('');

/** Test of a whole text. The caller folds case. Linear in practice: each run between stars is sought once, left to right. */
export function compilePieces(pieces: readonly Piece[]): TextTest {
  const runs: Piece[][] = [[]];
  for (const piece of pieces) {
    if ('wildcard' in piece && piece.wildcard === '*') runs.push([]);
    else runs.at(-1)!.push(piece);
  }
  const tests = runs.map(compileRun);
  const [first, last] = [tests[0]!, tests.at(-1)!];
  if (tests.length === 1) return (text) => text.length === first.length && first.at(text, 0);
  const middle = tests.slice(1, -1).filter(({ length }) => length > 0);
  return (text) => {
    if (text.length < first.length + last.length || !first.at(text, 0)) return false;
    const end = text.length - last.length;
    if (!last.at(text, end)) return false;
    let from = first.length;
    for (const run of middle) {
      const found = run.find(text, from);
      if (found < 0 || found + run.length > end) return false;
      from = found + run.length;
    }
    return true;
  };
}

interface Run {
  readonly length: number;
  at(text: string, from: number): boolean;
  find(text: string, from: number): number;
}

function compileRun(pieces: readonly Piece[]): Run {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined && 'literal' in only) {
    const { literal } = only;
    return {
      length: literal.length,
      at: (text, from) => text.startsWith(literal, from),
      find: (text, from) => text.indexOf(literal, from),
    };
  }
  const chars = pieces.flatMap((piece) =>
    'literal' in piece ? [...Array(piece.literal.length).keys()].map((i) => piece.literal[i]!) : [null],
  );
  const at = (text: string, from: number): boolean =>
    from + chars.length <= text.length && chars.every((char, i) => char === null || text[from + i] === char);
  return {
    length: chars.length,
    at,
    find: (text, from) => {
      for (let i = from; i + chars.length <= text.length; i++) if (at(text, i)) return i;
      return -1;
    },
  };
}
