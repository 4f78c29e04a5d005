/** Builtins of shells that run code, change what runs, or evaluate their arguments. */
import { holdsCode } from '../holds-code.ts';
import { checkAssignment } from '../environment.ts';
import { resolvePath, UNKNOWN_FOLDER } from '../paths.ts';
import { forNames, type Handlers, type Running } from './handler.ts';
import { hasOption, looseOptions, readOptions } from './options.ts';
import { runScriptFile } from './shells.ts';

const allText = (running: Running): string => running.args.map(({ text }) => text).join(' ');

/** Arguments that the shell evaluates once more: names of variables may have an index with a command in it. */
function evaluates(running: Running): void {
  const { walk, args, index } = running;
  for (const { text, sure } of args) {
    if (holdsCode(text) && sure === 'known') walk.opaque('arithmetic that may run code', text, index);
    for (const [name] of text.matchAll(/[A-Za-z_]\w*/g)) walk.tainted.add(name);
    // A name that only the target knows.
    if (sure === 'unknown') walk.tainted.add('*');
  }
}

function runEval({ walk, args, index, inner }: Running): void {
  if (args.some(({ sure }) => sure !== 'known'))
    return walk.opaque('eval of what is not known', args.map(({ text }) => text).join(' '), index);
  walk.script(args.map(({ text }) => text).join(' '), inner);
}

function declare(running: Running): void {
  const { walk, args, index, invocation } = running;
  const options = looseOptions(args);
  if (options.has('n') || options.has('i'))
    if (invocation.name !== 'export' && invocation.name !== 'readonly')
      walk.opaque('arithmetic that may run code', allText(running), index);
  for (const { text, sure } of args) {
    const assignment = /^([A-Za-z_]\w*)\+?=([\s\S]*)$/.exec(text);
    if (assignment !== null) checkAssignment(walk, assignment[1]!, { text: assignment[2]!, sure }, index);
    else if (sure !== 'known') walk.opaque('environment that changes what runs', text, index);
    else if (holdsCode(text)) walk.opaque('arithmetic that may run code', text, index);
  }
}

function changeFolder({ walk, args, invocation }: Running): void {
  const folder = args.find(({ text }) => !/^-[LPe@]+$|^--$/.test(text));
  if (folder === undefined) walk.folder = invocation.name === 'cd' ? '~' : UNKNOWN_FOLDER;
  else
    walk.folder =
      folder.sure === 'known' && folder.text !== '-' ? resolvePath(folder.text, walk.folder) : UNKNOWN_FOLDER;
}

/** Opaque whatever the arguments are. */
const redefines = (running: Running): void =>
  running.walk.opaque(
    'alias or redefinition',
    `${running.invocation.name} ${allText(running)}`,
    running.index,
  );

export const BUILTINS: Handlers = {
  eval: runEval,
  ...forNames('source .', (running) => {
    const [file] = running.args;
    if (file !== undefined) runScriptFile(running, file);
  }),
  exec: (running) => {
    const { options, rest, unsure } = readOptions(running.args, { flags: 'cl', valued: 'a' });
    if (unsure)
      running.walk.opaque('arguments of a program that runs others are not known', 'exec', running.index);
    if (!hasOption(options, 'help')) running.walk.run(rest, running.inner);
  },
  command: (running) => {
    const { options, rest } = readOptions(running.args, { flags: 'pvV', valued: '' });
    if (!hasOption(options, 'v', 'V')) running.walk.run(rest, running.inner);
  },
  ...forNames('builtin noglob nocorrect and or not begin', ({ walk, args, inner }) => walk.run(args, inner)),
  repeat: ({ walk, args, inner }) => walk.run(args.slice(1), inner),
  trap: ({ walk, args, index, inner }) => {
    const [code, ...signals] = args;
    if (code === undefined || signals.length === 0 || code.text.startsWith('-')) return;
    if (code.sure === 'known') walk.script(code.text, inner);
    else walk.opaque('eval of what is not known', code.text, index);
  },
  alias: (running) => {
    for (const { text, sure } of running.args) {
      const equals = text.indexOf('=');
      if (equals === -1) continue;
      redefines(running);
      if (sure === 'known') running.walk.script(text.slice(equals + 1), running.inner);
    }
  },
  hash: (running) => (looseOptions(running.args).has('p') ? redefines(running) : undefined),
  enable: (running) => (running.args.length > 0 ? redefines(running) : undefined),
  ...forNames('bind complete compgen fc zmodload autoload sched zcompile', redefines),
  jobs: ({ walk, args, inner }) => (args[0]?.text === '-x' ? walk.run(args.slice(1), inner) : undefined),
  ...forNames('export declare typeset local readonly', declare),
  let: (running) => {
    for (const { text, sure } of running.args) {
      for (const [name] of text.matchAll(/[A-Za-z_]\w*/g)) running.walk.computed.add(name);
      if (sure !== 'known' || holdsCode(text))
        running.walk.opaque('arithmetic that may run code', text, running.index);
    }
  },
  ...forNames('read getopts wait', evaluates),
  ...forNames('mapfile readarray', (running) => {
    evaluates(running);
    if (looseOptions(running.args).has('C')) redefines(running);
  }),
  printf: (running) => {
    const [first, second] = running.args;
    if (first === undefined || (!first.text.startsWith('-v') && first.sure !== 'unknown')) return;
    const name = first.text === '-v' ? second : { ...first, text: first.text.slice(2) };
    if (name !== undefined) evaluates({ ...running, args: [name] });
  },
  ...forNames('test [', (running) => {
    const { args, walk, index } = running;
    const byName = args.some(
      ({ text, sure }) => text === '-v' || text === '-R' || (sure === 'unknown' && text.startsWith('-')),
    );
    if (
      args.some(({ text, sure }) => sure === 'known' && holdsCode(text)) ||
      (byName && args.some(({ sure }) => sure !== 'known'))
    )
      walk.opaque('arithmetic that may run code', args.map(({ text }) => text).join(' '), index);
  }),
  unset: (running) => {
    for (const { text } of running.args) {
      if (text.startsWith('HIST')) running.walk.deed('delete_logs', 'history', text);
      if (text === 'PATH') running.walk.opaque('environment that changes what runs', text, running.index);
      if (holdsCode(text)) running.walk.opaque('arithmetic that may run code', text, running.index);
    }
  },
  set: (running) => {
    const texts = running.args.map(({ text }) => text);
    if (texts.includes('+o') && texts.includes('history'))
      running.walk.deed('delete_logs', 'history', 'set +o history');
    // Positional parameters that arithmetic may find.
    running.walk.tainted.add('*');
  },
  shopt: () => undefined,
  history: ({ walk, args }) => {
    const options = looseOptions(args);
    if (options.has('c') || options.has('d')) walk.deed('delete_logs', 'history', 'history');
    if (options.has('r') || options.has('n') || options.has('s') || options.has('p'))
      walk.deed('read', 'history', 'history');
  },
  ...forNames('cd chdir pushd popd', changeFolder),
};
