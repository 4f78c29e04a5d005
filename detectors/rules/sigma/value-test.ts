/** Compiles the modifiers and values of one field into tests of a field's value (Sigma modifiers appendix 2.1.0). */
import type { FactValue } from '../../detector.ts';
import type { FieldItem } from './ast.ts';
import { compileCidr } from './cidr.ts';
import { base64, base64offset, utf16, windash } from './encode.ts';
import { RuleFault } from './fault.ts';
import { compileRegex } from './regex.ts';
import type { Scalar } from './tree.ts';
import { compilePieces, literalOf, readPieces, type Piece } from './wildcard.ts';

/** Test of one value of a field; `lower` is its text in lower case. */
export type ValueTest = (value: FactValue, lower: string) => boolean;

const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  lt: (a, b) => a < b,
  lte: (a, b) => a <= b,
  gt: (a, b) => a > b,
  gte: (a, b) => a >= b,
};
const DAY_MS = 86_400_000;
const TIME: Readonly<Record<string, (date: Date) => number>> = {
  minute: (date) => date.getUTCMinutes(),
  hour: (date) => date.getUTCHours(),
  day: (date) => date.getUTCDate(),
  week: isoWeek,
  month: (date) => date.getUTCMonth() + 1,
  year: (date) => date.getUTCFullYear(),
};
/** Handled by the item as a whole, not by its values. */
export const ITEM_MODIFIERS: ReadonlySet<string> = new Set(['all', 'neq', 'exists', 'fieldref', 'expand']);
const TEXT_MODIFIERS = [
  'contains',
  'startswith',
  'endswith',
  'cased',
  'windash',
  'base64',
  'base64offset',
  'utf16',
  'utf16le',
  'utf16be',
  'wide',
];
const KNOWN: ReadonlySet<string> = new Set([
  ...ITEM_MODIFIERS,
  ...TEXT_MODIFIERS,
  ...Object.keys(COMPARE),
  ...Object.keys(TIME),
  're',
  'i',
  'm',
  's',
  'cidr',
]);

/** ISO 8601 week of the year. */
function isoWeek(date: Date): number {
  const day = (date.getUTCDay() + 6) % 7;
  const thursday = date.getTime() + (3 - day) * DAY_MS;
  const yearStart = Date.UTC(new Date(thursday).getUTCFullYear(), 0, 1);
  return Math.floor((thursday - yearStart) / DAY_MS / 7) + 1;
}

const CONTRADICTIONS: readonly (readonly string[])[] = [
  ['contains', 'startswith', 'endswith', 're', 'cidr', 'lt', 'lte', 'gt', 'gte', 'exists'],
  ['fieldref', 're', 'cidr', 'exists'],
  Object.keys(TIME),
];

/** Faults on modifiers that are unknown or contradict each other. */
export function checkModifiers({ modifiers, line, values }: FieldItem): void {
  const has = (name: string): boolean => modifiers.includes(name);
  for (const modifier of modifiers)
    if (!KNOWN.has(modifier)) throw new RuleFault('SIGMA_UNSUPPORTED', line, `the modifier "${modifier}"`);
  for (const group of CONTRADICTIONS) {
    const both = group.filter(has);
    if (both.length > 1)
      throw new RuleFault('SIGMA_INVALID', line, `the modifiers ${both.join(' and ')} contradict each other`);
  }
  for (const flag of ['i', 'm', 's'])
    if (has(flag) && !has('re'))
      throw new RuleFault('SIGMA_INVALID', line, `the modifier "${flag}" belongs to "re"`);
  if (has('all') && values.length < 2)
    throw new RuleFault('SIGMA_INVALID', line, 'the modifier "all" needs at least two values');
  if (new Set(modifiers).size < modifiers.length)
    throw new RuleFault('SIGMA_INVALID', line, 'a modifier is given twice');
}

/** Test of one value of the rule. */
export function compileValue(item: FieldItem, value: Scalar): ValueTest {
  const { modifiers, line } = item;
  const compare = modifiers.find((name) => name in COMPARE);
  const time = modifiers.find((name) => name in TIME);
  if (time !== undefined || compare !== undefined) return compileNumber(value, line, compare, time);
  if (modifiers.includes('cidr')) {
    const test = compileCidr(String(value));
    if (test === undefined)
      throw new RuleFault('SIGMA_INVALID', line, `"${value}" is not a network in CIDR notation`);
    return (found) => typeof found === 'string' && test(found);
  }
  if (modifiers.includes('re')) {
    const [ignoreCase, multiline, dotAll] = ['i', 'm', 's'].map((flag) => modifiers.includes(flag)) as [
      boolean,
      boolean,
      boolean,
    ];
    const test = compileRegex(String(value), { ignoreCase, multiline, dotAll });
    if (typeof test === 'string') throw new RuleFault('SIGMA_REGEX', line, `${test} in "${value}"`);
    return (found) => found !== null && test(String(found));
  }
  if (value === null) return (found) => found === null;
  return compileText(item, value);
}

function compileNumber(
  value: Scalar,
  line: number,
  compare: string | undefined,
  time: string | undefined,
): ValueTest {
  if (typeof value !== 'number') throw new RuleFault('SIGMA_INVALID', line, `"${value}" is not a number`);
  const test = compare === undefined ? (a: number, b: number) => a === b : COMPARE[compare]!;
  const extract = time === undefined ? undefined : TIME[time]!;
  return (found) => {
    if (extract !== undefined) {
      const at =
        typeof found === 'number' ? found : typeof found === 'string' ? Date.parse(found) : Number.NaN;
      return !Number.isNaN(at) && test(extract(new Date(at)), value);
    }
    const number =
      typeof found === 'number'
        ? found
        : typeof found === 'string' && found.trim() !== ''
          ? Number(found)
          : Number.NaN;
    return !Number.isNaN(number) && test(number, value);
  };
}

function compileText({ modifiers, line }: FieldItem, value: Scalar): ValueTest {
  const cased = modifiers.includes('cased');
  const forms = encodedForms(modifiers, line, String(value)) ?? [readPieces(String(value))];
  const star: Piece = { wildcard: '*' };
  const contains = modifiers.includes('contains') || modifiers.includes('base64offset');
  const tests = forms.map((pieces) => {
    const folded = cased
      ? pieces
      : pieces.map((piece) => ('literal' in piece ? { literal: piece.literal.toLowerCase() } : piece));
    return compilePieces([
      ...(contains || modifiers.includes('endswith') ? [star] : []),
      ...folded,
      ...(contains || modifiers.includes('startswith') ? [star] : []),
    ]);
  });
  return (found, lower) => {
    if (found === null) return false;
    const text = cased ? String(found) : lower;
    return tests.some((test) => test(text));
  };
}

/** Values after the modifiers that encode, applied in the order written; undefined where there is none. */
function encodedForms(modifiers: readonly string[], line: number, value: string): Piece[][] | undefined {
  const encoders = modifiers.filter((name) =>
    /^(windash|base64|base64offset|utf16|utf16le|utf16be|wide)$/.test(name),
  );
  if (encoders.length === 0) return undefined;
  if (encoders.every((name) => name === 'windash')) return windash(value).map(readPieces);
  if (readPieces(value).some((piece) => 'wildcard' in piece))
    throw new RuleFault('SIGMA_INVALID', line, `"${value}" has wildcards, which cannot be encoded`);
  let forms: Buffer[] = [Buffer.from(literalOf(value), 'utf8')];
  for (const name of encoders) {
    forms = forms.flatMap((bytes): Buffer[] => {
      if (name === 'windash') return windash(bytes.toString('utf8')).map((form) => Buffer.from(form, 'utf8'));
      if (name === 'base64') return [Buffer.from(base64(bytes))];
      if (name === 'base64offset') return base64offset(bytes).map((form) => Buffer.from(form));
      return [utf16(bytes, name === 'utf16be' ? 'be' : name === 'utf16' ? 'bom' : 'le')];
    });
  }
  return forms.map((bytes) => [{ literal: bytes.toString('latin1') }]);
}
