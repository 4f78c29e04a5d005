/**
 * Patterns of command lists: a program, or a program and its arguments. Words are parted by blanks; quotes keep blanks; `*` stands for any
 * run of characters in a word; `**` as the last word for any further arguments; `{path}`, `{name}` and `{number}` for one plain word;
 * `<stdin>` behind all of them: what the client sends, or what is piped in, may reach the program.
 */
import type { Argument } from '../shell/command-line.ts';

export interface CommandPattern {
  readonly source: string;
  /** Base name, or an absolute path; may hold `*`. */
  readonly program: string;
  /** Null where the pattern names the program alone. */
  readonly args: readonly string[] | null;
  /** Any further arguments. */
  readonly open: boolean;
  /** A form of transfer that is understood as a whole: `@rsync-read /srv/**`. */
  readonly transfer: boolean;
  /** Its standard input is the client's business (exec-only lists). */
  readonly stdin: boolean;
}

const STDIN = '<stdin>';

export const PATTERN_MAX = 1024;

/** Reads a pattern; undefined where it is none. */
export function readPattern(source: string): CommandPattern | undefined {
  if (source.length > PATTERN_MAX) return undefined;
  const words: string[] = [];
  for (const match of source.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+|(['"])/g)) {
    if (match[1] !== undefined) return undefined;
    words.push(
      match[0].replace(/'([^']*)'|"([^"]*)"/g, (_, one?: string, other?: string) => one ?? other ?? ''),
    );
  }
  const stdin = words.at(-1) === STDIN;
  if (stdin) words.pop();
  const [program, ...args] = words;
  if (program === undefined || program === '') return undefined;
  const open = args.at(-1) === '**';
  return {
    source,
    program,
    args: args.length === 0 ? null : open ? args.slice(0, -1) : args,
    open,
    transfer: program.startsWith('@'),
    stdin,
  };
}

const PLACES: Readonly<Record<string, RegExp>> = {
  '{path}': /^(?!-)[\w./@%+:,=~-]+$/,
  '{name}': /^(?!-)[\w.@:-]+$/,
  '{number}': /^\d{1,18}$/,
};

/** Matches text against a word of a pattern in time linear in both: `*` stands for any run. */
export function matchesWord(pattern: string, text: string): boolean {
  const place = PLACES[pattern];
  if (place !== undefined) return place.test(text) && !text.split('/').includes('..');
  const [first = '', ...parts] = pattern.split('*');
  if (parts.length === 0) return text === pattern;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  const last = parts.pop()!;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

/** Whether a word of a pattern stands for one text alone. */
export const isLiteral = (word: string): boolean => !word.includes('*') && PLACES[word] === undefined;

/** The program of a pattern: a name fits any path to it, a path only itself. */
export function matchesProgram(pattern: CommandPattern, name: string, path: string): boolean {
  if (pattern.program.includes('/')) return matchesWord(pattern.program, path);
  return matchesWord(pattern.program, name);
}

/** For allow lists: the argument vector is just what the pattern says, word by word. */
export function matchesExactly(pattern: CommandPattern, args: readonly Argument[]): boolean {
  if (pattern.args === null) return true;
  if (args.length < pattern.args.length || (!pattern.open && args.length > pattern.args.length)) return false;
  return pattern.args.every((word, at) => args[at]!.sure === 'known' && matchesWord(word, args[at]!.text));
}

/** Options that mean the same, for deny lists. */
const SAME: Readonly<Record<string, string>> = {
  '-R': '-r',
  '--recursive': '-r',
  '--force': '-f',
  '--verbose': '-v',
  '--interactive': '-i',
  '--all': '-a',
  '--delete': '-d',
  '--extract': '-x',
  '--create': '-c',
  '--file': '-f',
};

/**
 * For deny lists: every word of the pattern is, or may be, among the arguments, in any order; short options count one by one, and
 * what only the target knows may be anything.
 */
export function mayMatch(pattern: CommandPattern, args: readonly Argument[]): boolean {
  if (pattern.args === null || pattern.args.length === 0) return true;
  if (args.some(({ sure }) => sure !== 'known')) return true;
  const words = args.flatMap(({ text }) => apart(text));
  const isThere = (wanted: string): boolean => words.some((word) => matchesWord(wanted, word));
  return pattern.args.every((wanted) => {
    const letters = bundled(wanted);
    return isThere(SAME[wanted] ?? wanted) || (letters.length > 0 && letters.every(isThere));
  });
}

/** `-rf` is `-r` and `-f`. */
const bundled = (text: string): readonly string[] =>
  /^-[A-Za-z]{2,}$/.test(text)
    ? text
        .slice(1)
        .split('')
        .map((letter) => SAME[`-${letter}`] ?? `-${letter}`)
    : [];

function apart(text: string): readonly string[] {
  const letters = bundled(text);
  if (letters.length > 0) return [...letters, text];
  if (/^--[\w-]+=/.test(text)) return [text, SAME[text.split('=')[0]!] ?? text];
  return [SAME[text] ?? text];
}
