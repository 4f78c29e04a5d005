/** One argument vector: which program it is, and what its handler knows of it. */
import { isPlainName } from '../characters.ts';
import type { Argument, Invocation } from '../command-line.ts';
import { isSecretName } from '../environment.ts';
import type { Scope, Walk } from '../found.ts';
import { baseName, isSystemProgram, resolvePath } from '../paths.ts';
import { handlerOf } from './registry.ts';
import { HARMLESS, OFFENSIVE } from './names.ts';
import { writtenHere } from './written-here.ts';

const OPEN_FOLDER = /^\/(tmp|var\/tmp|dev\/shm|run\/(user|lock)|var\/run)(\/|$)|\/\.[^/]+\/|^~\/\.[^/]+$/;

/** Notes a program and follows what it runs. */
export function runProgram(walk: Walk, argv: readonly Argument[], scope: Scope): void {
  const [first, ...args] = argv;
  if (first === undefined) return;
  if (first.sure !== 'known') return walk.opaque('command name is not known', first.text, scope.parent);
  if (first.text === '') return;
  const path = first.text;
  if (!isPlainName(path) || path.startsWith('-'))
    return walk.opaque('unusual characters', path, scope.parent);
  if (walk.found.programs.length >= walk.limits.programsMax || scope.depth >= walk.limits.depthMax)
    return walk.opaque('too complex', 'too many programs', scope.parent);
  const { through, remote, privileged, parent } = scope;
  const name = baseName(path);
  const invocation: Invocation = { name, path, args, through, remote, privileged, parent };
  const index = walk.found.programs.push(invocation) - 1;
  noteExecution(walk, invocation, index);
  noteSecrets(walk, args);
  const inner: Scope = {
    ...scope,
    depth: scope.depth + 1,
    through: [...through, name].slice(-8),
    parent: index,
  };
  handlerOf(name)?.({ walk, invocation, args, index, scope, inner });
}

function noteExecution(walk: Walk, { name, path }: Invocation, index: number): void {
  if (!isSystemProgram(path)) {
    const resolved = resolvePath(path, walk.folder);
    const open = OPEN_FOLDER.test(resolved);
    walk.file(path, 'execute', index);
    if (writtenHere(walk, resolved))
      walk.opaque('code from a file', `${path} is written by the same line`, index);
    return walk.deed(open ? 'execute.high' : 'execute.medium', 'program', resolved);
  }
  if (OFFENSIVE.has(name)) return walk.deed('execute.high', 'program', name);
  walk.deed(
    HARMLESS.has(name) || handlerOf(name) !== undefined ? 'execute' : 'execute.medium',
    'program',
    name,
  );
}

/** Values of options that are named for secrets, whatever the program. */
function noteSecrets(walk: Walk, args: readonly Argument[]): void {
  args.forEach(({ text, sure }, at) => {
    const option = /^--?([A-Za-z][\w-]*)(?:=([\s\S]+))?$/.exec(text);
    if (option === null || !isSecretName(option[1]!)) return;
    if (option[2] !== undefined) {
      if (sure === 'known') walk.secret(option[2]);
      return;
    }
    const next = args[at + 1];
    if (text.startsWith('--') && next?.sure === 'known' && !next.text.startsWith('-')) walk.secret(next.text);
  });
}
