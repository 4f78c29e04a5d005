/** Interpreters and editors: code in arguments, in files, on standard input. */
import { forNames, type Handlers, type Running } from './handler.ts';
import { operandsOf } from './options.ts';
import { readsUnseenCode, runScriptFile } from './shells.ts';

/** Options that hold code, by interpreter; the others take -c or -e. */
const CODE: Readonly<Record<string, RegExp>> = {
  python: /^-[bBdEhiIOqsSuvx]*c/,
  pypy: /^-[bBdEhiIOqsSuvx]*c/,
  perl: /^-[a-zA-Z0-9]*[eEmMdD]|^-[sw]*[xpn]/,
  ruby: /^-[a-zA-Z]*[erI]/,
  node: /^-[a-z]*[epr]|^--(eval|print|require|import|loader|experimental-loader)/,
  php: /^-[rBREFdzc]|^--(run|define)/,
  lua: /^-[el]/,
  default: /^-[cerEB]|^--(eval|command|expression|exec)|^eval$/,
};
/** Modules that run no code of their arguments. */
const QUIET_MODULES =
  /^(json\.tool|http\.server|SimpleHTTPServer|venv|virtualenv|site|platform|calendar|base64|gzip|zipfile|tarfile|compileall|ensurepip|sysconfig|uuid|this)$/;
const HARMLESS_ONLY = /^(-V|-v|--version|--help|-h|-\?)$/;

function runInterpreter(running: Running, family: string): void {
  const { walk, args, index, scope, invocation } = running;
  if (args.length > 0 && args.every(({ text }) => HARMLESS_ONLY.test(text))) return;
  const code = CODE[family] ?? CODE['default']!;
  const first = args.findIndex(({ text, sure }) => sure !== 'known' || !text.startsWith('-'));
  const options = first === -1 ? args : args.slice(0, first);
  const isCode = options.some(({ text }) => code.test(text)) || args[0]?.text === 'eval';
  if (isCode || options.some(({ sure }) => sure !== 'known'))
    return walk.opaque('code of an interpreter', args.map(({ text }) => text).join(' '), index);
  if (options.some(({ text }) => text === '-m')) {
    const module = args[first]?.text ?? '';
    if (module === 'http.server' || module === 'SimpleHTTPServer')
      walk.deed('tunnel', 'listener', `${invocation.name} -m ${module}`);
    if (!QUIET_MODULES.test(module)) walk.opaque('code of an interpreter', `-m ${module}`, index);
    return walk.deed('execute.medium', 'program', `${invocation.name} -m ${module}`);
  }
  const file = first === -1 ? undefined : args[first];
  if (file !== undefined && file.text !== '-') return runScriptFile(running, file);
  if (scope.stdin.kind === 'file') return runScriptFile(running, scope.stdin.path);
  if (scope.stdin.kind === 'text' || readsUnseenCode(running))
    walk.opaque('code from standard input', invocation.name, index);
}

const interpreters = (names: string, family: string): Handlers =>
  forNames(names, (running) => runInterpreter(running, family));

/** Editors run programs when told to by their arguments or keys. Typed keys are seen on the screen only. */
function runEditor(running: Running): void {
  const { walk, args, index, invocation, scope } = running;
  const told = args.find(
    ({ text, sure }) =>
      /^(\+.*\D|-[a-zA-Z]*[cSsuUrTiwW]$|-c.+|--(cmd|eval|load|script|batch).*|-[efl]$|-exec)/.test(text) ||
      (sure === 'unknown' && text.startsWith('-')),
  );
  if (told !== undefined)
    walk.opaque('code of an interpreter', args.map(({ text }) => text).join(' '), index);
  else if (scope.stdin.kind !== 'client' || readsUnseenCode(running))
    walk.opaque('code from standard input', invocation.name, index);
  for (const file of operandsOf(args)) walk.file(file, 'write', index);
}

export const INTERPRETERS: Handlers = {
  ...interpreters('python python2 python3 pypy pypy3 ipython', 'python'),
  ...interpreters('perl', 'perl'),
  ...interpreters('ruby irb jruby', 'ruby'),
  ...interpreters('node nodejs deno bun', 'node'),
  ...interpreters('php', 'php'),
  ...interpreters('lua luajit', 'lua'),
  ...interpreters(
    'tclsh wish R Rscript julia guile racket scheme sbcl clisp ocaml ghci erl escript elixir iex groovy scala jshell jjs swift mono octave gnuplot maxima gp jrunscript gawk-server m4',
    'default',
  ),
  ...forNames('vi vim ex rvim nvim ed red emacs nano pico joe jed micro helix hx kak', runEditor),
  ...forNames('dc bc', (running) => {
    const { walk, args, index, scope } = running;
    const unseen =
      scope.stdin.kind === 'text'
        ? scope.stdin.text.includes('!')
        : readsUnseenCode(running) && scope.stdin.kind !== 'client';
    if (running.invocation.name === 'dc' && (args.some(({ text }) => text.includes('!')) || unseen))
      walk.opaque('code of an interpreter', 'dc', index);
  }),
  ...forNames('man', ({ walk, args, inner, index }) => {
    const at = args.findIndex(({ text }) => /^(-P|--pager|-H|--html)/.test(text));
    if (at === -1) return;
    const value = args[at]!.text.includes('=')
      ? { ...args[at]!, text: args[at]!.text.replace(/^[^=]*=/, '') }
      : args[at]!.text.length > 2 && !args[at]!.text.startsWith('--')
        ? { ...args[at]!, text: args[at]!.text.slice(2) }
        : args[at + 1];
    if (value?.sure === 'known') walk.script(value.text, inner);
    else walk.opaque('arguments of a program that runs others are not known', 'man', index);
  }),
};
