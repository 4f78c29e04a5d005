/** Shells: `-c`, scripts, and what they read. */
import type { Argument } from '../command-line.ts';
import { resolvePath } from '../paths.ts';
import { forNames, type Handlers, type Running } from './handler.ts';
import { writtenHere } from './written-here.ts';

const LONG_FLAGS = new Set(
  'login posix norc noprofile verbose restricted noediting debugger version help no-rcs dump-strings dump-po-strings wordexp'.split(
    ' ',
  ),
);
const STDIN_FILE = /^\/(dev\/(stdin|fd\/0)|proc\/(self|thread-self|\$\$)\/fd\/0)$/;

/** Whether a shell or interpreter that is given nothing reads code that the gateway does not see. */
export function readsUnseenCode(running: Running): boolean {
  return (
    running.scope.stdin.kind === 'unknown' ||
    (running.scope.stdin.kind === 'client' && !running.walk.interactive)
  );
}

/** A program that reads a script: from a file, unless the line made that file itself. */
export function runScriptFile(running: Running, file: Argument): void {
  const { walk, index } = running;
  if (file.sure !== 'known') return walk.opaque('code from a file', file.text, index);
  const resolved = resolvePath(file.text, walk.folder);
  walk.file(file, 'execute', index);
  if (writtenHere(walk, resolved) || /^\/(dev|proc|tmp|var\/tmp)\//.test(resolved))
    walk.opaque('code from a file', file.text, index);
  walk.deed('execute.medium', 'program', resolved);
}

/** What a shell reads on its standard input, run as a script. */
export function runStdin(running: Running): void {
  const { walk, scope, inner, index, invocation } = running;
  if (scope.stdin.kind === 'text') return walk.script(scope.stdin.text, inner);
  if (scope.stdin.kind === 'file') return runScriptFile(running, scope.stdin.path);
  if (readsUnseenCode(running)) walk.opaque('code from standard input', invocation.name, index);
}

interface ShellOptions {
  readonly letters: ReadonlySet<string>;
  readonly startFiles: readonly Argument[];
  readonly operands: readonly Argument[];
  readonly unsure: boolean;
}

/** As bash reads them: `-oc posix` is `-o posix -c`, and options may stand on both sides of `-c`. */
function readShellOptions(args: readonly Argument[]): ShellOptions {
  const letters = new Set<string>();
  const startFiles: Argument[] = [];
  let unsure = false;
  let at = 0;
  for (; at < args.length; at++) {
    const { text, sure } = args[at]!;
    if (!/^[-+]./.test(text)) break;
    if (sure !== 'known') unsure = true;
    if (text === '--') {
      at += 1;
      break;
    }
    if (text.startsWith('--')) {
      const [name = '', value] = text.slice(2).split('=', 2);
      letters.add(name);
      if (name === 'rcfile' || name === 'init-file') {
        const file = value === undefined ? args[++at] : { text: value, sure };
        if (file !== undefined) startFiles.push(file);
      } else if (!LONG_FLAGS.has(name)) unsure = true;
      continue;
    }
    for (const letter of text.slice(1)) {
      if (letter === 'o' || letter === 'O') at += 1;
      if (text.startsWith('-')) letters.add(letter);
    }
    if (/[oO]./.test(text) && !/^-[a-zA-Z]+$/.test(text)) unsure = true;
  }
  return { letters, startFiles, operands: args.slice(at), unsure };
}

function runShell(running: Running): void {
  const { walk, args, index, inner, invocation } = running;
  const { letters, startFiles, operands, unsure } = readShellOptions(args);
  if (unsure || args[0]?.sure === 'unknown')
    walk.opaque('arguments of a program that runs others are not known', invocation.name, index);
  for (const file of startFiles) runScriptFile(running, file);
  if (letters.has('version') || letters.has('help')) return;
  if (letters.has('c')) {
    const [code] = operands;
    if (code === undefined) return;
    if (code.sure !== 'known') return walk.opaque('eval of what is not known', code.text, index);
    return walk.script(code.text, inner);
  }
  const [file] = operands;
  if (file === undefined || letters.has('s') || STDIN_FILE.test(file.text) || file.text === '-')
    return runStdin(running);
  runScriptFile(running, file);
}

/** Shells with another grammar: what they are given is not read. */
function runForeignShell(running: Running): void {
  const { walk, args, index } = running;
  const code = args.find(
    ({ text }) =>
      /^-[a-zA-Z]*c/.test(text) ||
      /^--(command|init-command)/.test(text) ||
      /^-(Command|EncodedCommand|enc|e)$/i.test(text),
  );
  if (code !== undefined)
    return walk.opaque('code of an interpreter', args.map(({ text }) => text).join(' '), index);
  const file = args.find(({ text }) => !text.startsWith('-'));
  if (file !== undefined) return runScriptFile(running, file);
  if (readsUnseenCode(running) || running.scope.stdin.kind !== 'client')
    walk.opaque('code from standard input', running.invocation.name, index);
}

export const SHELLS: Handlers = {
  ...forNames('sh bash dash ash zsh ksh ksh93 mksh rbash rksh yash posh', runShell),
  ...forNames('fish csh tcsh pwsh nu xonsh elvish', runForeignShell),
};
