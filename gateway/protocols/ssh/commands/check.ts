/** Allow and deny lists over what a line was found to run. */
import type { AnalyseOptions, CommandLists } from '../analysis.ts';
import type { Invocation } from '../shell/command-line.ts';
import type { Found } from '../shell/found.ts';
import { baseName } from '../shell/paths.ts';
import { handlerOf } from '../shell/programs/registry.ts';
import { checkExecOnlyLists, judgeExecOnly } from './exec-only.ts';
import { runsOthers } from './exec-only-programs.ts';
import { matchesExactly, matchesProgram, mayMatch, readPattern, type CommandPattern } from './pattern.ts';

export interface Refusal {
  readonly rule: string;
  readonly reason: string;
}

export interface Verdict {
  readonly refusal: Refusal | null;
  /** What the client sends must not reach what runs. */
  readonly withoutInput: boolean;
}

interface Checked {
  readonly text: string;
  readonly found: Found;
  readonly options: Pick<AnalyseOptions, 'lists' | 'execOnly' | 'kind'>;
}

/** Patterns of one list, read once for each list (the configuration's own arrays). */
interface ReadLists {
  readonly allow: readonly CommandPattern[] | null;
  readonly deny: readonly CommandPattern[];
}

/** What is wrong with a connection's lists, in words; for its `checkConnection`. */
export function checkCommandLists(lists: CommandLists, execOnly: boolean): readonly string[] {
  const unread = [...(lists.allow ?? []), ...(lists.deny ?? [])].filter(
    (source) => readPattern(source) === undefined,
  );
  const wrong = unread.map((source) => `${source}: not a pattern`);
  return execOnly ? [...wrong, ...checkExecOnlyLists(lists, readPattern)] : wrong;
}

/** Decides whether lists refuse a line. */
export function createListCheck(): (checked: Checked) => Verdict {
  const known = new WeakMap<CommandLists, ReadLists>();
  const listsOf = (lists: CommandLists): ReadLists => {
    const before = known.get(lists);
    if (before !== undefined) return before;
    const read = (sources: readonly string[]): CommandPattern[] =>
      sources.flatMap((source) => readPattern(source) ?? []);
    const made: ReadLists = {
      allow: lists.allow === undefined ? null : read(lists.allow),
      deny: read(lists.deny ?? []),
    };
    known.set(lists, made);
    return made;
  };
  return ({ text, found, options }) => {
    const { allow, deny } = listsOf(options.lists);
    if (options.execOnly) {
      const refuse = (reason: string): Verdict => ({
        refusal: { rule: 'ssh-exec-only', reason },
        withoutInput: false,
      });
      if (options.kind !== 'exec') return refuse('an exec-only connection has no shell');
      const judged = judgeExecOnly(text, allow ?? [], deny);
      return 'refused' in judged
        ? refuse(judged.refused)
        : { refusal: null, withoutInput: judged.withoutInput };
    }
    return {
      refusal: refuseDenied(found, deny, allow) ?? refuseNotAllowed(found, allow),
      withoutInput: false,
    };
  };
}

function refuseDenied(
  found: Found,
  deny: readonly CommandPattern[],
  allow: readonly CommandPattern[] | null,
): Refusal | null {
  if (deny.length === 0) return null;
  for (const invocation of [...found.programs, ...found.possible])
    for (const pattern of deny)
      if (isDenied(pattern, invocation))
        return { rule: 'ssh-deny-list', reason: `${pattern.source} is on the deny list` };
  const told = deny.find((pattern) => found.programs.some((invocation) => isToldTo(pattern, invocation)));
  if (told !== undefined)
    return {
      rule: 'ssh-deny-list',
      reason: `${told.source} is on the deny list, and may be what is run here`,
    };
  const opaque = found.opaque.find(({ by }) => !isVouchedFor(found, by, allow));
  if (opaque === undefined) return null;
  return {
    rule: 'ssh-deny-list',
    reason: `it cannot be known whether it runs what the deny list names (${opaque.reason})`,
  };
}

/** Names without regard to case: some file systems have none. */
const isDenied = (pattern: CommandPattern, { name, path, args }: Invocation): boolean =>
  (matchesProgram(pattern, name, path) ||
    matchesProgram(pattern, name.toLowerCase(), path.toLowerCase()) ||
    // A path in the list is the program by its name, too: links and other folders lead to it.
    matchesProgram(
      { ...pattern, program: pattern.program.slice(pattern.program.lastIndexOf('/') + 1) },
      name,
      path,
    )) &&
  mayMatch(pattern, args);

/** A program that can run others, of which nothing else is known, is told the name of a denied one. */
const isToldTo = (pattern: CommandPattern, { name, args }: Invocation): boolean =>
  runsOthers(name) &&
  handlerOf(name) === undefined &&
  args.some(
    ({ text, sure }) =>
      sure !== 'known' ||
      text.toLowerCase().includes(baseName(pattern.program).replaceAll('*', '').toLowerCase()),
  );

/** The allow list names the program with all of its arguments, or what runs it. */
function isVouchedFor(found: Found, by: number | null, allow: readonly CommandPattern[] | null): boolean {
  if (allow === null) return false;
  for (let at = by; at !== null; at = found.programs[at]?.parent ?? null) {
    const invocation = found.programs[at];
    if (
      invocation !== undefined &&
      allow.some((pattern) => pattern.args !== null && !pattern.open && isAllowed(pattern, invocation))
    )
      return true;
  }
  return false;
}

const isAllowed = (pattern: CommandPattern, { name, path, args }: Invocation): boolean => {
  // A bare name does not let in a file of another folder by that name.
  const program = pattern.program.includes('/')
    ? matchesProgram(pattern, name, path)
    : !path.includes('/') && matchesProgram(pattern, name, path);
  return program && matchesExactly(pattern, args);
};

function refuseNotAllowed(found: Found, allow: readonly CommandPattern[] | null): Refusal | null {
  if (allow === null) return null;
  const vouched = new Set<number>();
  for (const [at, invocation] of found.programs.entries()) {
    // What a program runs that is allowed with just these arguments is allowed with it.
    const parent = invocation.parent !== null && vouched.has(invocation.parent);
    const fixed = allow.some(
      (pattern) => pattern.args !== null && !pattern.open && isAllowed(pattern, invocation),
    );
    if (parent || fixed) vouched.add(at);
    else if (!allow.some((pattern) => isAllowed(pattern, invocation)))
      return {
        rule: 'ssh-allow-list',
        reason: `${invocation.path} is not on the allow list${invocation.args.length > 0 ? ' with these arguments' : ''}`,
      };
  }
  const opaque = found.opaque.find(({ by }) => !isVouchedFor(found, by, allow));
  if (opaque === undefined)
    return found.possible.length > 0
      ? { rule: 'ssh-allow-list', reason: 'shells read it differently' }
      : null;
  return { rule: 'ssh-allow-list', reason: `it cannot be known what it runs (${opaque.reason})` };
}
