/** Options of programs. For programs that run others strictly: an option that is not known makes the rest unsure. */
import type { Argument } from '../command-line.ts';

export interface OptionSpec {
  /** Letters without a value. */
  readonly flags: string;
  /** Letters with a value, in the same word or the next. */
  readonly valued: string;
  readonly longFlags?: readonly string[];
  readonly longValued?: readonly string[];
  /** Options may stand behind operands, too. */
  readonly permute?: boolean;
  /** Options that are not known are taken for flags. */
  readonly lax?: boolean;
}

export interface Option {
  readonly name: string;
  readonly value: Argument | null;
}

export interface Options {
  readonly options: readonly Option[];
  readonly rest: readonly Argument[];
  /** An option that is not known, or a word that only the target knows, stood where options stand. */
  readonly unsure: boolean;
}

/** Splits arguments into options and operands, as getopt_long does without abbreviations. */
export function readOptions(args: readonly Argument[], spec: OptionSpec): Options {
  const options: Option[] = [];
  const rest: Argument[] = [];
  let unsure = false;
  let at = 0;
  while (at < args.length) {
    const argument = args[at++]!;
    const { text, sure } = argument;
    const isOption = text.length > 1 && (text.startsWith('-') || text.startsWith('+')) && sure !== 'pattern';
    if (sure === 'unknown' && !/^[/~.\w]/.test(text)) unsure = true;
    if (!isOption || text.startsWith('+')) {
      rest.push(argument);
      if (spec.permute !== true) break;
      continue;
    }
    if (text === '--') break;
    if (sure === 'unknown') unsure = true;
    const next = (): Argument | null => args[at++] ?? null;
    const known = text.startsWith('--')
      ? readLong(argument, spec, options, next)
      : readShort(argument, spec, options, next);
    if (!known && spec.lax !== true) unsure = true;
  }
  rest.push(...args.slice(at));
  return { options, rest, unsure };
}

function readLong(
  { text, sure }: Argument,
  spec: OptionSpec,
  options: Option[],
  next: () => Argument | null,
): boolean {
  const equals = text.indexOf('=');
  const name = equals === -1 ? text.slice(2) : text.slice(2, equals);
  const valued = spec.longValued?.includes(name) === true;
  if (equals !== -1) options.push({ name, value: { text: text.slice(equals + 1), sure } });
  else options.push({ name, value: valued ? next() : null });
  return valued || spec.longFlags?.includes(name) === true;
}

function readShort(
  { text, sure }: Argument,
  spec: OptionSpec,
  options: Option[],
  next: () => Argument | null,
): boolean {
  let known = true;
  for (let at = 1; at < text.length; at++) {
    const letter = text[at]!;
    if (spec.valued.includes(letter)) {
      const attached = text.slice(at + 1);
      options.push({ name: letter, value: attached === '' ? next() : { text: attached, sure } });
      return known;
    }
    options.push({ name: letter, value: null });
    if (!spec.flags.includes(letter)) known = false;
  }
  return known;
}

/** Value of the first of the named options; undefined where none is there. */
export const optionValue = (
  options: readonly Option[],
  ...names: readonly string[]
): Argument | null | undefined => options.find(({ name }) => names.includes(name))?.value;

export const hasOption = (options: readonly Option[], ...names: readonly string[]): boolean =>
  options.some(({ name }) => names.includes(name));

/** Letters and long names of options anywhere among the arguments, for programs whose options only change how. */
export function looseOptions(args: readonly Argument[]): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { text } of args) {
    if (text.startsWith('--') && text.length > 2) found.add(text.slice(2).split('=')[0]!);
    else if (/^-[A-Za-z]/.test(text)) for (const letter of text.slice(1)) found.add(letter);
  }
  return found;
}

/** Operands: what is no option, and what stands behind `--`. */
export function operandsOf(args: readonly Argument[], valued = ''): readonly Argument[] {
  return readOptions(args, { flags: '', valued, permute: true, lax: true }).rest;
}
