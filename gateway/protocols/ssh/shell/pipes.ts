/** What a command writes for the next one in its pipe, as far as that is plain to see. */
import type { Command, CommandNode } from 'unbash';
import type { Argument } from './command-line.ts';
import { UNKNOWN_STDIN, type Stdin } from './found.ts';
import type { ShellLimits } from './limits.ts';
import { baseName } from './paths.ts';
import { fieldsOf, knownText } from './words.ts';

/** Output of one command of a pipeline, given its input. */
export function outputOf(command: CommandNode, stdin: Stdin, limits: ShellLimits): Stdin {
  if (command.type !== 'Command' || command.name === undefined) return UNKNOWN_STDIN;
  const name = baseName(knownText(command.name) ?? '');
  const words = command.args.flatMap((argument) =>
    argument.type === 'Word'
      ? fieldsOf(argument, limits.expansionsMax)
      : [{ text: argument.text, sure: 'unknown' as const }],
  );
  const out = textOf(name, words, inputOf(command, stdin));
  // The same text may be more than once in a pipe that doubles it.
  return out !== null && out.length <= limits.lineBytesMax ? { kind: 'text', text: out } : UNKNOWN_STDIN;
}

function inputOf(command: Command, stdin: Stdin): string | null {
  for (const redirection of command.redirects) {
    if (redirection.type === 'HereString') {
      const text = knownText(redirection.target);
      return text === null ? null : `${text}\n`;
    }
    if (redirection.type === 'HereDoc')
      return redirection.delimiter?.quoted === true || !/[\\$`]/.test(redirection.body.text)
        ? redirection.body.text
        : null;
    if (redirection.operator.startsWith('<')) return null;
  }
  return stdin.kind === 'text' ? stdin.text : null;
}

/** Text that a program writes; null where it is not known. */
function textOf(name: string, args: readonly Argument[], input: string | null): string | null {
  if (args.some(({ sure }) => sure !== 'known')) return null;
  const texts = args.map(({ text }) => text);
  switch (name) {
    case 'echo':
      return echoed(texts);
    case 'printf': {
      const [format = '', ...values] = texts;
      if (format.startsWith('-')) return null;
      if (!/[%\\]/.test(format)) return format;
      const plain =
        /^(%s|%s\\n|\\n|[^%\\])*$/.test(format) && values.length === (format.match(/%s/g) ?? []).length;
      return plain ? format.replaceAll('\\n', '\n').replaceAll('%s', () => values.shift() ?? '') : null;
    }
    case 'cat':
      return texts.length === 0 || (texts.length === 1 && texts[0] === '-') ? input : null;
    case 'base64':
      if (input === null || !texts.every((text) => /^(-d|-D|--decode|-i|-di|--ignore-garbage)$/.test(text)))
        return null;
      return texts.length > 0 ? decoded(input, 'base64') : null;
    case 'xxd':
      return input !== null && texts.join(' ').match(/^(-r -p|-p -r|-rp|-pr)$/)
        ? decoded(input, 'hex')
        : null;
    case 'rev':
      return input === null || texts.length > 0
        ? null
        : input
            .split('\n')
            .map((line) => Array.from(line).toReversed().join(''))
            .join('\n');
    default:
      return null;
  }
}

function echoed(texts: readonly string[]): string | null {
  const options = texts.findIndex((text) => !/^-[neE]+$/.test(text));
  const words = options === -1 ? [] : texts.slice(options);
  const text = words.join(' ');
  // Shells differ in whether echo itself reads backslashes.
  if (text.includes('\\')) return null;
  return `${text}\n`;
}

function decoded(input: string, encoding: 'base64' | 'hex'): string | null {
  const text = Buffer.from(input.replace(/\s/g, ''), encoding).toString('utf8');
  return text === '' || text.includes('\ufffd') ? null : text;
}
