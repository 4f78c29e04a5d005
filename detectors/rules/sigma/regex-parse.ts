/** Parser of the regular expressions that `regex.ts` runs. */
export interface RegexFlags {
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
}

type Test = (code: number) => boolean;

export type RegexNode =
  | { readonly kind: 'char'; readonly test: Test }
  | { readonly kind: 'assert'; readonly at: '^' | '$' | 'b' | 'B' }
  | { readonly kind: 'sequence'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'repeat'; readonly part: RegexNode; readonly min: number; readonly max: number | null };

class Refused extends Error {}

const REPEAT_MAX = 1000;
const DEPTH_MAX = 50;
const PATTERN_MAX = 2000;

const digit: Test = (c) => c >= 48 && c <= 57;
const word: Test = (c) => digit(c) || (c >= 65 && c <= 90) || c === 95 || (c >= 97 && c <= 122);
const space: Test = (c) =>
  (c >= 9 && c <= 13) || c === 32 || c === 160 || c === 0x2028 || c === 0x2029 || c === 0xfeff;
const not =
  (test: Test): Test =>
  (c) =>
    !test(c);
const CLASSES: Readonly<Record<string, Test>> = {
  d: digit,
  D: not(digit),
  w: word,
  W: not(word),
  s: space,
  S: not(space),
};
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, r: 13, f: 12, v: 11, '0': 0 };

/** The parsed pattern, or in words why it cannot be used. */
export function parseRegex(pattern: string, flags: RegexFlags): RegexNode | string {
  if (pattern.length > PATTERN_MAX) return `it is longer than ${PATTERN_MAX} characters`;
  try {
    return new Parser(pattern, flags).parse();
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

class Parser {
  private at = 0;
  private depth = 0;
  private readonly text: string;
  private readonly flags: RegexFlags;

  constructor(text: string, flags: RegexFlags) {
    this.text = text;
    this.flags = flags;
  }

  parse(): RegexNode {
    const node = this.choice();
    if (this.at < this.text.length) throw new Refused('a closing parenthesis has no opening one');
    return node;
  }

  private choice(): RegexNode {
    if (++this.depth > DEPTH_MAX) throw new Refused(`groups are nested deeper than ${DEPTH_MAX}`);
    const parts = [this.sequence()];
    while (this.take('|')) parts.push(this.sequence());
    this.depth--;
    return parts.length === 1 ? parts[0]! : { kind: 'choice', parts };
  }

  private sequence(): RegexNode {
    const parts: RegexNode[] = [];
    while (this.at < this.text.length && this.text[this.at] !== '|' && this.text[this.at] !== ')')
      parts.push(this.repeated());
    return { kind: 'sequence', parts };
  }

  private repeated(): RegexNode {
    const part = this.atom();
    const bounds = this.bounds();
    if (bounds === null) return part;
    if (part.kind === 'assert') throw new Refused('a repetition after an anchor');
    this.take('?');
    if (/^[*+?]/.test(this.text.slice(this.at))) throw new Refused('a repetition after a repetition');
    return { kind: 'repeat', part, ...bounds };
  }

  private bounds(): { min: number; max: number | null } | null {
    if (this.take('*')) return { min: 0, max: null };
    if (this.take('+')) return { min: 1, max: null };
    if (this.take('?')) return { min: 0, max: 1 };
    const match = /^\{(\d+)(?:(,)(\d*))?\}/.exec(this.text.slice(this.at));
    if (match === null) return null;
    this.at += match[0].length;
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === '' ? null : Number(match[3]);
    if (Math.max(min, max ?? 0) > REPEAT_MAX) throw new Refused(`a repetition over ${REPEAT_MAX}`);
    if (max !== null && max < min) throw new Refused('a repetition whose greatest count is below its least');
    return { min, max };
  }

  private atom(): RegexNode {
    const char = this.text[this.at++]!;
    if (char === '(') return this.group();
    if (char === '[') return this.char(this.set());
    if (char === '.') return this.char(this.flags.dotAll ? () => true : (c) => c !== 10 && c !== 13);
    if (char === '^' || char === '$') return { kind: 'assert', at: char };
    if (char === '*' || char === '+' || char === '?') throw new Refused(`"${char}" has nothing to repeat`);
    if (char !== '\\') return this.literal(char.charCodeAt(0));
    const next = this.text[this.at];
    if (next === 'b' || next === 'B') {
      this.at++;
      return { kind: 'assert', at: next };
    }
    const escaped = this.escape();
    return typeof escaped === 'number' ? this.literal(escaped) : this.char(escaped);
  }

  private group(): RegexNode {
    if (this.take('?') && !this.take(':')) throw new Refused('look-around, named groups and inline flags');
    const inner = this.choice();
    if (!this.take(')')) throw new Refused('a closing parenthesis is missing');
    return inner;
  }

  private set(): Test {
    const negated = this.take('^');
    const tests: Test[] = [];
    for (let first = true; ; first = false) {
      if (this.at >= this.text.length) throw new Refused('a closing bracket is missing');
      if (!first && this.take(']')) break;
      const low = this.setItem();
      if (typeof low !== 'number') tests.push(low);
      else if (
        this.text[this.at] === '-' &&
        this.at + 1 < this.text.length &&
        this.text[this.at + 1] !== ']'
      ) {
        this.at++;
        const high = this.setItem();
        if (typeof high !== 'number' || high < low) throw new Refused('a range in brackets that is not one');
        tests.push(this.folded((c) => c >= low && c <= high));
      } else tests.push(this.folded((c) => c === low));
    }
    const any: Test = (c) => tests.some((test) => test(c));
    return negated ? not(any) : any;
  }

  private setItem(): number | Test {
    const char = this.text[this.at++];
    if (char === undefined) throw new Refused('a closing bracket is missing');
    return char === '\\' ? this.escape() : char.charCodeAt(0);
  }

  private escape(): number | Test {
    const char = this.text[this.at++];
    if (char === undefined) throw new Refused('it ends with a backslash');
    const named = CLASSES[char];
    if (named !== undefined) return named;
    const control = CONTROLS[char];
    if (control !== undefined) return control;
    const hex = char === 'x' ? 2 : char === 'u' ? 4 : 0;
    if (hex > 0) {
      const digits = this.text.slice(this.at, this.at + hex);
      if (!/^[0-9a-f]+$/i.test(digits) || digits.length < hex)
        throw new Refused(`"\\${char}" without its digits`);
      this.at += hex;
      return Number.parseInt(digits, 16);
    }
    if (/[A-Za-z1-9]/.test(char)) throw new Refused(`"\\${char}"`);
    return char.charCodeAt(0);
  }

  private literal(code: number): RegexNode {
    return this.char(this.folded((c) => c === code));
  }

  private folded(test: Test): Test {
    if (!this.flags.ignoreCase) return test;
    return (c) =>
      test(c) ||
      test(String.fromCharCode(c).toLowerCase().charCodeAt(0)) ||
      test(String.fromCharCode(c).toUpperCase().charCodeAt(0));
  }

  private char(test: Test): RegexNode {
    return { kind: 'char', test };
  }

  private take(char: string): boolean {
    if (this.text[this.at] !== char) return false;
    this.at++;
    return true;
  }
}
