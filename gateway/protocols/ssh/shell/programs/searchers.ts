/** find, awk, sed and others whose arguments are small programs. */
import type { Argument } from '../command-line.ts';
import { UNKNOWN_STDIN } from '../found.ts';
import { forNames, type Handlers, type Running } from './handler.ts';
import { hasOption, looseOptions, operandsOf, optionValue, readOptions } from './options.ts';

const STRANGE = 'arguments of a program that runs others are not known';

function runFind(running: Running): void {
  const { walk, args, index, inner } = running;
  const folders: Argument[] = [];
  for (let at = 0; at < args.length; at++) {
    const { text, sure } = args[at]!;
    if (sure === 'unknown' && !/^[/~.\w]/.test(text)) walk.opaque(STRANGE, 'find', index);
    if (/^-(exec|execdir|ok|okdir)$/.test(text)) {
      const end = args.findIndex(
        (argument, place) =>
          place > at && (argument.text === ';' || (argument.text === '+' && args[place - 1]?.text === '{}')),
      );
      const words = args.slice(at + 1, end === -1 ? undefined : end);
      walk.run(
        words.map((word): Argument => (word.text.includes('{}') ? { ...word, sure: 'unknown' } : word)),
        { ...inner, stdin: UNKNOWN_STDIN },
      );
      if (end === -1) break;
      at = end;
    } else if (text === '-delete') {
      for (const folder of folders.length > 0 ? folders : [{ text: '.', sure: 'known' as const }])
        walk.file(folder, 'delete', index, true);
      walk.deed('delete.whole', 'folder', folders[0]?.text ?? '.', true);
    } else if (/^-f(print0?|printf|ls)$/.test(text)) {
      if (args[at + 1] !== undefined) walk.file(args[at + 1]!, 'write', index);
    } else if (/^-perm$/.test(text) && /[-/]?(0?[4627]\d{3}|[ug]*[+=]s|u=s)/.test(args[at + 1]?.text ?? '')) {
      walk.deed('discover', 'setuid', args[at + 1]!.text);
    } else if (!text.startsWith('-') && at === folders.length) folders.push(args[at]!);
  }
  for (const folder of folders) walk.file(folder, 'read', index);
}

/** Words of awk that run or open something. */
const AWK_RUNS =
  /\bsystem\s*\(|\bgetline\b|@\s*(load|include|\w+\s*\()|(^|[^|])\|(?!\|)|>|\bENVIRON\b.*\bsystem/;

function runAwk(running: Running): void {
  const { walk, args, index } = running;
  const { options, rest } = readOptions(args, {
    flags: 'bcCghkMnNOPrsStVI',
    valued: 'FvfeEilLpdDo',
    longValued: ['field-separator', 'assign', 'file', 'source', 'exec', 'include', 'load'],
    lax: true,
  });
  const file = optionValue(options, 'f', 'file', 'E', 'exec', 'i', 'include', 'l', 'load');
  if (file !== undefined) walk.opaque('code from a file', file?.text ?? 'awk', index);
  const source = optionValue(options, 'e', 'source');
  const code = source ?? rest[0];
  if (source === undefined && file !== undefined) return;
  if (code === undefined || code === null) return;
  if (code.sure !== 'known') return walk.opaque('code of an interpreter', code.text, index);
  if (AWK_RUNS.test(withoutStrings(code.text))) walk.opaque('code of an interpreter', code.text, index);
  for (const operand of rest.slice(source === undefined ? 1 : 0))
    if (!/^\w+=/.test(operand.text)) walk.file(operand, 'read', index);
}

/** A program's text without the strings in it; where quotes do not fit together, as it is. */
const withoutStrings = (code: string): string =>
  code
    .replace(/"(?:[^"\\\n]|\\.)*"/g, '""')
    .replace(/([^<>=!]|^)(>=|!=|==|<=)/g, '$1')
    .replace(/([\w$)\]"]\s*)>\s*(?=[-\d.]+\b)/g, '$1');

function runSed(running: Running): void {
  const { walk, args, index } = running;
  const { options, rest } = readOptions(args, {
    flags: 'nErsuzi',
    valued: 'efl',
    longValued: ['expression', 'file', 'line-length'],
    permute: true,
    lax: true,
  });
  if (hasOption(options, 'f', 'file')) walk.opaque('code from a file', 'sed', index);
  const given = options.filter(({ name }) => name === 'e' || name === 'expression').map(({ value }) => value);
  const codes = given.length > 0 ? given : [rest[0] ?? null];
  for (const code of codes) {
    if (code === null || code === undefined) continue;
    // sed runs programs by `e` and writes files by `w`: what is not plainly something else may be that.
    const plain = isPlainSubstitution(code.text);
    if (code.sure !== 'known' || !plain) walk.opaque('code of an interpreter', code.text, index);
  }
  const inPlace = args.some(({ text }) => /^-[nErsuz]*i|^--in-place/.test(text));
  for (const file of rest.slice(given.length > 0 ? 0 : 1)) walk.file(file, inPlace ? 'write' : 'read', index);
}

/** `s/a/b/g` and addresses with d or p: the everyday forms, with nothing behind. */
function isPlainSubstitution(code: string): boolean {
  return code
    .split(/[;\n]/)
    .map((part) => part.trim())
    .every(
      (part) =>
        part === '' ||
        /^(\d+|\$|\/[^/]*\/)?(,(\d+|\$|\/[^/]*\/))?!?[dpq=]?$/.test(part) ||
        /^(\d+|\$|\/[^/]*\/)?(,(\d+|\$|\/[^/]*\/))?s([/|#,:@])(?:\\.|(?!\4)[^\\])*\4(?:\\.|(?!\4)[^\\])*\4[gpiI0-9]*$/.test(
          part,
        ),
    );
}

export const SEARCHERS: Handlers = {
  ...forNames('find', runFind),
  ...forNames('fd fdfind', (running) => {
    const at = running.args.findIndex(({ text }) => /^(-x|-X|--exec|--exec-batch)$/.test(text));
    if (at !== -1) running.walk.run(running.args.slice(at + 1), running.inner);
  }),
  ...forNames('awk gawk mawk nawk original-awk', runAwk),
  ...forNames('sed gsed', runSed),
  ...forNames('grep egrep fgrep rgrep zgrep rg ag', (running) => {
    const { walk, args, index } = running;
    const { options, rest } = readOptions(args, {
      flags: '',
      valued: 'efmABCdDg',
      longValued: ['regexp', 'file'],
      permute: true,
      lax: true,
    });
    const given = hasOption(options, 'e', 'f', 'regexp', 'file');
    if (args.some(({ text }) => text.startsWith('--pre')))
      walk.opaque(STRANGE, running.invocation.name, index);
    for (const file of rest.slice(given ? 0 : 1)) walk.file(file, 'read', index);
  }),
  ...forNames('sort', ({ walk, args, index, inner }) => {
    const { options, rest } = readOptions(args, {
      flags: '',
      valued: 'kotST',
      longValued: [
        'key',
        'output',
        'field-separator',
        'buffer-size',
        'temporary-directory',
        'compress-program',
        'files0-from',
        'parallel',
        'batch-size',
      ],
      permute: true,
      lax: true,
    });
    const program = optionValue(options, 'compress-program');
    if (program !== undefined && program !== null) walk.run([program], inner);
    const out = optionValue(options, 'o', 'output');
    if (out !== undefined && out !== null) walk.file(out, 'write', index);
    for (const file of rest) walk.file(file, 'read', index);
  }),
  ...forNames(
    'cat tac head tail nl less more most zcat zless bzcat xzcat strings od hexdump cut wc uniq md5sum sha1sum sha256sum base32 file stat view rev fold comm join paste tr pr diff cmp sdiff colordiff grep-status readelf',
    (running) => {
      const { walk, args, index, invocation } = running;
      const valued: Readonly<Record<string, string>> = {
        head: 'nc',
        tail: 'nc',
        cut: 'dfc',
        od: 'ANtjw',
        less: 'Ppkoxyz',
      };
      const files = operandsOf(args, valued[invocation.name] ?? '');
      for (const file of invocation.name === 'tr' ? [] : files) walk.file(file, 'read', index);
      if (invocation.name === 'less' && args.some(({ text }) => text.startsWith('+')))
        walk.opaque('code of an interpreter', 'less +', index);
      if (invocation.name === 'uniq' && files[1] !== undefined) walk.file(files[1], 'write', index);
    },
  ),
  ...forNames('base64 xxd uudecode basenc', ({ walk, args, index }) => {
    const options = looseOptions(args);
    if (options.has('d') || options.has('D') || options.has('decode') || options.has('r'))
      walk.deed('obfuscate.medium', 'encoding', 'decoded');
    for (const file of operandsOf(args, 'w')) walk.file(file, 'read', index);
  }),
};
