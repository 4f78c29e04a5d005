/**
 * The part of shell language that every shell reads alike (sh, bash, dash, ksh, zsh, fish, csh): words of plain characters, quotes without
 * anything inside that a shell would look at, and `;`, `&&`, `||`, `|` between commands. In exec-only mode nothing else passes, so that
 * it does not matter which shell the target's account has, nor whether our grammar errs.
 */
export interface PlainCommand {
  readonly words: readonly string[];
  /** It reads what the command before it writes. */
  readonly piped: boolean;
}

const BARE = /^[A-Za-z0-9_@%+:,./=-]$/;
/** Inside of quotes: no expansion, escape, history mark or line end of any shell. */
const QUOTED = /^[^$`\\!'"\n\r\0]$/;
const HARMLESS_REDIRECTION = /^(?:2>&1|(?:[12]?>>?|<)[ \t]*\/dev\/null)(?=[ \t;|&]|$)/;
/** A word may not begin like this where some shell would expand it: `~user` and `=program`. */
const FIRST = /^[~=]/;

/** Reads a line of that part; a reason in words where it is none. */
export function readPlainLine(
  line: string,
): { readonly commands: readonly PlainCommand[] } | { readonly refused: string } {
  const commands: { words: string[]; piped: boolean }[] = [{ words: [], piped: false }];
  let at = 0;
  let word: string | null = null;
  const endWord = (): void => {
    if (word !== null) commands.at(-1)!.words.push(word);
    word = null;
  };
  while (at < line.length) {
    const character = line[at]!;
    if (character === ' ' || character === '\t') {
      endWord();
      at += 1;
      continue;
    }
    if (word === null) {
      const redirection = HARMLESS_REDIRECTION.exec(line.slice(at, at + 64));
      if (redirection !== null && commands.at(-1)!.words.length > 0) {
        at += redirection[0].length;
        continue;
      }
      if (FIRST.test(character)) return { refused: `a word that begins with ${character}` };
    }
    const operator = /^(?:&&|\|\||;|\|)(?![&|;])/.exec(line.slice(at, at + 3));
    if (operator !== null) {
      endWord();
      if (commands.at(-1)!.words.length === 0)
        return { refused: `${operator[0]} without a command before it` };
      commands.push({ words: [], piped: operator[0] === '|' });
      at += operator[0].length;
      continue;
    }
    if (character === "'" || character === '"') {
      const end = line.indexOf(character, at + 1);
      if (end === -1) return { refused: 'a quote without end' };
      const inside = line.slice(at + 1, end);
      for (const one of inside)
        if (!QUOTED.test(one)) return { refused: `${JSON.stringify(one)} inside of quotes` };
      word = (word ?? '') + inside;
      at = end + 1;
      continue;
    }
    if (!BARE.test(character)) return { refused: `the character ${JSON.stringify(character)}` };
    word = (word ?? '') + character;
    at += 1;
  }
  endWord();
  const last = commands.at(-1)!;
  if (last.words.length === 0)
    return { refused: commands.length === 1 ? 'nothing' : 'an operator without a command behind it' };
  for (const { words } of commands) if (/=/.test(words[0]!)) return { refused: 'an assignment' };
  return { commands };
}
