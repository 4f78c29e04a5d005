/**
 * Exec-only connections: everything that the allow list does not name is refused. A line must be in the language that all shells share
 * (plain-line.ts), our grammar must read it the same way, and programs that can run others or write files pass only with arguments that
 * the list fixes word by word.
 */
import { parse } from 'unbash';
import type { CommandLists } from '../analysis.ts';
import { baseName } from '../shell/paths.ts';
import { runsOthers } from './exec-only-programs.ts';
import { isLiteral, matchesExactly, matchesProgram, mayMatch, type CommandPattern } from './pattern.ts';
import { readPlainLine } from './plain-line.ts';
import { TRANSFERS } from './transfers.ts';
import { checkWritable } from './writable.ts';

/** Whether a pattern of an exec-only allow list is one that can ever match; a reason where not. */
export function unfitPattern(pattern: CommandPattern): string | null {
  if (pattern.transfer) {
    if (TRANSFERS[pattern.program] === undefined) return `${pattern.program} is not known`;
    return pattern.args?.length === 1 && pattern.args[0]!.startsWith('/')
      ? null
      : `${pattern.program} needs one absolute folder`;
  }
  const name = baseName(pattern.program);
  if (name.includes('*')) return 'exec-only lists name programs without *';
  if (!runsOthers(name)) return null;
  if (pattern.args === null) return `${name} can run other programs or write files; fix its arguments`;
  return !pattern.open && pattern.args.every(isLiteral)
    ? null
    : `${name} can run other programs or write files; its arguments may hold no placeholder`;
}

/** Why a line does not pass; else whether the client's standard input stays away from it. */
export type ExecOnlyVerdict = { readonly refused: string } | { readonly withoutInput: boolean };

export function judgeExecOnly(
  line: string,
  allow: readonly CommandPattern[],
  deny: readonly CommandPattern[],
): ExecOnlyVerdict {
  const plain = readPlainLine(line);
  if ('refused' in plain)
    return { refused: `an exec-only connection takes plain commands; this one has ${plain.refused}` };
  if (!readsAlike(line, plain.commands))
    return { refused: 'an exec-only connection takes plain commands; this one can be read in two ways' };
  let withoutInput = false;
  for (const { words, piped } of plain.commands) {
    const [path = '', ...rest] = words;
    const args = rest.map((text) => ({ text, sure: 'known' as const }));
    const name = baseName(path);
    if (
      deny.some(
        (pattern) =>
          matchesProgram(pattern, name.toLowerCase(), path.toLowerCase()) && mayMatch(pattern, args),
      )
    )
      return { refused: `${name} is on the deny list` };
    const fitting = allow.filter((pattern) => {
      if (unfitPattern(pattern) !== null) return false;
      if (pattern.transfer) return TRANSFERS[pattern.program]!(words, pattern.args![0]!);
      // A bare name in the list is the program that the target's PATH finds; another path is another program.
      const program = path === pattern.program;
      return program && matchesExactly(pattern, args);
    });
    if (fitting.length === 0)
      return { refused: `${words.join(' ').slice(0, 200)} is not on the allow list with these arguments` };
    // Many programs take commands on their standard input (`.shell` of sqlite3, `system` of mysql, at, dc): fixed arguments are not all.
    if (!runsOthers(name) || fitting.some((pattern) => pattern.stdin || pattern.transfer)) continue;
    if (piped)
      return { refused: `${name} may run what is piped into it; the allow list does not say <stdin> of it` };
    withoutInput = true;
  }
  return { withoutInput };
}

/** Our grammar and the plain reading must agree on every argument vector. */
function readsAlike(line: string, commands: readonly { readonly words: readonly string[] }[]): boolean {
  const vectors: string[][] = [];
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { type } = node as { readonly type?: string };
    if (type === 'Command') {
      const command = node as {
        name?: { value: string };
        prefix: readonly { type: string }[];
        args: readonly { type: string; value?: unknown; text: string }[];
      };
      if (command.prefix.some((part) => part.type === 'Assignment')) return;
      const args = command.args.map((argument) =>
        argument.type === 'Word' ? String(argument.value) : unquoted(argument.text),
      );
      vectors.push([command.name?.value ?? '', ...args]);
      return;
    }
    const parts = node as { commands?: readonly unknown[]; command?: unknown };
    for (const part of parts.commands ?? []) walk(part);
    if (parts.command !== undefined) walk(parts.command);
  };
  const tree = parse(line);
  if ((tree.errors ?? []).length > 0) return false;
  walk(tree);
  return (
    vectors.length === commands.length &&
    vectors.every(
      (vector, at) =>
        vector.length === commands[at]!.words.length &&
        vector.every((word, place) => word === commands[at]!.words[place]),
    )
  );
}

const unquoted = (text: string): string =>
  text.replace(/'([^']*)'|"([^"]*)"/g, (_, one?: string, other?: string) => one ?? other ?? '');

/** What is wrong with an exec-only list, for the configuration's check. */
export function checkExecOnlyLists(
  lists: CommandLists,
  read: (source: string) => CommandPattern | undefined,
): readonly string[] {
  const patterns = (lists.allow ?? []).map((source) => ({ source, pattern: read(source) }));
  const unfit = patterns.flatMap(({ source, pattern }) => {
    const why = pattern === undefined ? 'not a pattern' : unfitPattern(pattern);
    return why === null ? [] : [`${source}: ${why}`];
  });
  return [...unfit, ...checkWritable(patterns.flatMap(({ pattern }) => pattern ?? []))];
}
