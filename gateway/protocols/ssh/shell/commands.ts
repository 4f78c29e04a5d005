/** Simple commands: assignments, redirections, and the argument vector. */
import type { Assignment, Command, Word } from 'unbash';
import type { Argument } from './command-line.ts';
import { checkAssignment } from './environment.ts';
import type { Scope } from './found.ts';
import { walkRedirections } from './redirections.ts';
import { fieldsOf } from './words.ts';
import type { TreeWalk } from './walk.ts';

/** Walks a simple command and runs what it names. */
export function walkCommand(walk: TreeWalk, command: Command, scope: Scope): void {
  for (const part of command.prefix) if (part.type === 'Assignment') walkAssignment(walk, part, scope);
  const stdin = walkRedirections(walk, command.redirects, scope) ?? scope.stdin;
  if (command.name === undefined) return;
  walk.node(command.name, scope);
  const argv: Argument[] = [...fieldsOf(command.name, walk.limits.expansionsMax)];
  for (const argument of command.args) argv.push(...argumentFields(walk, argument, scope));
  if (isDisguised(command.name)) walk.deed('obfuscate', 'name', argv[0]?.text ?? null);
  dashReading(walk, command, scope);
  walk.run(argv, { ...scope, stdin });
}

function argumentFields(walk: TreeWalk, argument: Word | Assignment, scope: Scope): readonly Argument[] {
  if (argument.type === 'Word') {
    walk.node(argument, scope);
    return fieldsOf(argument, walk.limits.expansionsMax);
  }
  // An argument of `export`, `declare`, `env` and the like, or of a program that knows nothing of it (dd if=x).
  walk.children(argument, scope);
  if (argument.value.type === 'ArrayValue') return [{ text: argument.text, sure: 'unknown' }];
  const left = `${argument.name}${argument.append === true ? '+' : ''}=`;
  if (argument.index !== undefined) return [{ text: argument.text, sure: 'unknown' }];
  return fieldsOf(argument.value, walk.limits.expansionsMax).map(({ text, sure }) => ({
    text: left + text,
    sure,
  }));
}

function walkAssignment(walk: TreeWalk, assignment: Assignment, scope: Scope): void {
  walk.children(assignment, scope);
  if (assignment.index !== undefined && !/^\d+$/.test(assignment.index.value))
    walk.opaque('arithmetic that may run code', assignment.text, scope.parent);
  if (assignment.value.type === 'ArrayValue') {
    walk.tainted.add(assignment.name);
    return checkAssignment(walk, assignment.name, { text: assignment.text, sure: 'unknown' }, scope.parent);
  }
  const fields = fieldsOf(assignment.value, 2);
  const value: Argument =
    fields.length === 1 && assignment.append !== true
      ? fields[0]!
      : { text: assignment.text, sure: 'unknown' };
  checkAssignment(walk, assignment.name, value, scope.parent);
}

/** dash reads `a &> f b c` as `a &` and `> f b c`: what comes behind is a command of its own. */
function dashReading(walk: TreeWalk, command: Command, scope: Scope): void {
  const both = command.redirects.find(
    (redirection) => redirection.type === 'Redirect' && redirection.operator.startsWith('&>'),
  );
  if (both === undefined) return;
  const behind = command.args.filter((argument) => argument.pos > both.pos);
  const argv = behind.flatMap((argument) =>
    argument.type === 'Word' ? fieldsOf(argument, 8) : [{ text: argument.text, sure: 'unknown' as const }],
  );
  if (argv.length > 0) walk.run(argv, scope);
}

/** A name with quotes or escapes in the middle (`r''m`, `$'\x72m'`, `c\at`), as nobody writes it who wants to be read. */
function isDisguised({ text, parts }: Word): boolean {
  if (parts === undefined) return /[^\s]\\[\w]/.test(text);
  if (parts.some(({ type }) => type === 'AnsiCQuoted')) return true;
  const quoted = parts.some(({ type }) => type === 'SingleQuoted' || type === 'DoubleQuoted');
  return (
    quoted &&
    parts.length > 1 &&
    !text.includes('/') &&
    parts.every(({ type }) => /Quoted|Literal/.test(type))
  );
}
