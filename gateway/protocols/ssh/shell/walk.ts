/** The walk over a parsed line: every command that any shell would run, with what it reads. */
import { forEachChild, parse, type CommandNode, type Pipeline, type SyntaxNode } from 'unbash';
import { createArithmetic } from './arithmetic.ts';
import { walkCommand } from './commands.ts';
import {
  CLIENT_STDIN,
  createFound,
  createGathering,
  UNKNOWN_STDIN,
  type Found,
  type Scope,
  type Stdin,
  type Walk,
} from './found.ts';
import { isIncomplete } from './is-incomplete.ts';
import type { ShellLimits } from './limits.ts';
import { resolvePath } from './paths.ts';
import { outputOf } from './pipes.ts';
import { runProgram } from './programs/run-program.ts';
import { walkRedirections } from './redirections.ts';

/** What walking a tree needs beside the walk itself. */
export interface TreeWalk extends Walk {
  node(node: SyntaxNode, scope: Scope): void;
  children(node: SyntaxNode, scope: Scope): void;
}

const TOP: Scope = {
  depth: 0,
  through: [],
  remote: null,
  privileged: false,
  parent: null,
  stdin: CLIENT_STDIN,
};

/** Walks a line. Deterministic; work is bounded by the limits. */
export function walkLine(text: string, limits: ShellLimits, interactive = false): Found {
  const found = createFound();
  let nodes = 0;
  const walk: TreeWalk = {
    limits,
    found,
    interactive,
    incomplete: interactive && isIncomplete(text),
    folder: '~',
    functions: new Set(),
    tainted: new Set(),
    computed: new Set(),
    ...createGathering(found, limits, (path) => resolvePath(path, walk.folder)),
    script(source, scope) {
      if (scope.depth >= limits.depthMax) return walk.opaque('too complex', 'nested too deep', scope.parent);
      if (Buffer.byteLength(source) > limits.lineBytesMax)
        return walk.opaque('too long', `${source.length} characters`, scope.parent);
      if (source.split('<<', limits.hereDocumentsMax + 2).length > limits.hereDocumentsMax + 1)
        return walk.opaque('too complex', 'too many here documents', scope.parent);
      const tree = parse(source);
      walk.node(tree, { ...scope, depth: scope.depth + 1 });
    },
    run: (argv, scope) => runProgram(walk, argv, scope),
    node(node, scope) {
      nodes += 1;
      if (nodes > limits.nodesMax || scope.depth > limits.depthMax * 4)
        return walk.opaque('too complex', 'too many parts', scope.parent);
      visit(walk, node, scope);
    },
    children: (node, scope) =>
      forEachChild(node, (child) => walk.node(child, { ...scope, depth: scope.depth + 0.25 })),
  };
  // The next line is a part of the word before the backslash.
  walk.script(walk.incomplete ? text.replace(/\\$/, '') : text, TOP);
  noteDecodedCode(found);
  for (const name of walk.computed)
    if (walk.tainted.has(name) || walk.tainted.has('*'))
      walk.opaque('arithmetic that may run code', name, null);
  return found;
}

function visit(walk: TreeWalk, node: SyntaxNode, scope: Scope): void {
  switch (node.type) {
    case 'Script':
      // A line that goes on is decided again with the next one.
      for (const error of node.errors ?? [])
        if (!walk.incomplete)
          walk.opaque('does not parse', error.message.replace('token', 'word'), scope.parent);
      return walk.children(node, scope);
    case 'Command':
      return walkCommand(walk, node, scope);
    case 'Pipeline':
      return walkPipeline(walk, node, scope);
    case 'Redirected': {
      const stdin = walkRedirections(walk, node.redirects, scope) ?? scope.stdin;
      return walk.node(node.command, { ...scope, stdin });
    }
    case 'Subshell': {
      const { folder } = walk;
      walk.children(node, scope);
      walk.folder = folder;
      return;
    }
    case 'Function':
      if (node.name.parts !== undefined) walk.opaque('alias or redefinition', node.name.text, scope.parent);
      walk.functions.add(node.name.value);
      return walk.node(node.body, { ...scope, stdin: UNKNOWN_STDIN });
    case 'Coproc':
      return walk.node(node.body, { ...scope, stdin: UNKNOWN_STDIN });
    case 'For':
    case 'Select':
      if (node.wordlist === undefined || node.wordlist.some((word) => !/^-?\d+$/.test(word.value)))
        walk.tainted.add(node.name.value);
      return walk.children(node, scope);
    case 'CommandExpansion':
      if (node.script === undefined) return walk.opaque('does not parse', node.text, scope.parent);
      return walkInner(walk, node.script, { ...scope, stdin: scope.stdin });
    case 'ProcessSubstitution':
      if (node.script === undefined) return walk.opaque('does not parse', node.text, scope.parent);
      return walkInner(walk, node.script, {
        ...scope,
        stdin: node.operator === '>' ? UNKNOWN_STDIN : scope.stdin,
      });
    default:
      createArithmetic(walk).look(node, scope);
      return walk.children(node, scope);
  }
}

/** A substitution has a folder of its own. */
function walkInner(walk: TreeWalk, script: SyntaxNode, scope: Scope): void {
  const { folder } = walk;
  walk.node(script, scope);
  walk.folder = folder;
}

function walkPipeline(walk: TreeWalk, node: Pipeline, scope: Scope): void {
  let stdin: Stdin = scope.stdin;
  const { folder } = walk;
  node.commands.forEach((command: CommandNode, index) => {
    walk.node(command, { ...scope, stdin });
    stdin = outputOf(command, stdin, walk.limits);
    // Each part of a pipeline is a process of its own; only some shells keep the last one's folder.
    if (index > 0 || node.commands.length > 1) walk.folder = folder;
  });
}

const SHELLS = new Set([
  'sh',
  'bash',
  'dash',
  'ash',
  'zsh',
  'ksh',
  'eval',
  'source',
  '.',
  'python',
  'python3',
  'perl',
]);

/** What is decoded in a line that also runs code from a pipe is most likely that code. */
function noteDecodedCode(found: Found): void {
  if (!found.deeds.some(({ kind }) => kind === 'obfuscate.medium')) return;
  const runs =
    found.programs.some(({ name }) => SHELLS.has(name)) ||
    found.opaque.some(({ reason }) => reason === 'command name is not known');
  if (runs) found.deeds.push({ kind: 'obfuscate', objectKind: 'code', object: 'decoded', whole: false });
}
