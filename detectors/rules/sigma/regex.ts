/**
 * Regular expressions of the Sigma flavour, run as a non-deterministic automaton (Thompson 1968; Pike's list of threads): time
 * is at most length of the text times length of the program, whatever the pattern, so no event can stall the detectors.
 * Known: . ^ $ * + ? {n,m} [..] (..) (?:..) | and \d \w \s \b with their opposites, \t \n \r \f \v \xHH \uHHHH. Laziness makes no
 * difference to whether something matches and is read over. Look-around, back references and inline flags are refused.
 */
import { parseRegex, type RegexFlags, type RegexNode } from './regex-parse.ts';

type Instruction =
  | { readonly op: 'char'; readonly test: (code: number) => boolean }
  | { readonly op: 'split'; a: number; b: number }
  | { readonly op: 'jump'; a: number }
  | { readonly op: 'assert'; readonly at: '^' | '$' | 'b' | 'B' }
  | { readonly op: 'match' };

const PROGRAM_MAX = 5000;

/** Compiles to a test; a text explains why a pattern cannot be used. */
export function compileRegex(pattern: string, flags: RegexFlags): ((text: string) => boolean) | string {
  const parsed = parseRegex(pattern, flags);
  if (typeof parsed === 'string') return parsed;
  const program: Instruction[] = [];
  if (!emit(parsed, program))
    return `it is larger than ${PROGRAM_MAX} steps when its repetitions are written out`;
  program.push({ op: 'match' });
  const begins = beginnings(program);
  return (text) => run(program, text, flags, begins);
}

/**
 * ASCII characters that a match can begin with (1), assertions taken to hold; null where a match may be empty. Most texts hold no
 * such character at most places, and these need no threads.
 */
function beginnings(program: readonly Instruction[]): Uint8Array | null {
  const table = new Uint8Array(128);
  const seen = new Set<number>();
  const stack = [0];
  for (let pc = stack.pop(); pc !== undefined; pc = stack.pop()) {
    if (seen.has(pc)) continue;
    seen.add(pc);
    const instruction = program[pc]!;
    if (instruction.op === 'match') return null;
    if (instruction.op === 'jump') stack.push(instruction.a);
    else if (instruction.op === 'split') stack.push(instruction.a, instruction.b);
    else if (instruction.op === 'assert') stack.push(pc + 1);
    else for (let code = 0; code < 128; code++) if (instruction.test(code)) table[code] = 1;
  }
  return table;
}

/** False where the program becomes too large. */
function emit(node: RegexNode, program: Instruction[]): boolean {
  if (program.length > PROGRAM_MAX) return false;
  if (node.kind === 'char') program.push({ op: 'char', test: node.test });
  else if (node.kind === 'assert') program.push({ op: 'assert', at: node.at });
  else if (node.kind === 'sequence') return node.parts.every((part) => emit(part, program));
  else if (node.kind === 'choice') return emitChoice(node.parts, program);
  else return emitRepeat(node, program);
  return true;
}

function emitChoice(parts: readonly RegexNode[], program: Instruction[]): boolean {
  const jumps: { a: number }[] = [];
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1) {
      if (!emit(part, program)) return false;
      continue;
    }
    const split = { op: 'split' as const, a: program.length + 1, b: 0 };
    program.push(split);
    if (!emit(part, program)) return false;
    const jump = { op: 'jump' as const, a: 0 };
    program.push(jump);
    jumps.push(jump);
    split.b = program.length;
  }
  for (const jump of jumps) jump.a = program.length;
  return true;
}

function emitRepeat(node: Extract<RegexNode, { kind: 'repeat' }>, program: Instruction[]): boolean {
  for (let i = 0; i < node.min; i++) {
    const before = program.length;
    if (!emit(node.part, program)) return false;
    // Nothing repeated is nothing: nested empty groups must not cost time either.
    if (program.length === before) return true;
  }
  if (node.max === null) {
    const split = { op: 'split' as const, a: program.length + 1, b: 0 };
    const start = program.length;
    program.push(split);
    if (!emit(node.part, program)) return false;
    program.push({ op: 'jump', a: start });
    split.b = program.length;
    return true;
  }
  const splits: { b: number }[] = [];
  for (let i = node.min; i < node.max; i++) {
    const split = { op: 'split' as const, a: program.length + 1, b: 0 };
    program.push(split);
    splits.push(split);
    if (!emit(node.part, program)) return false;
  }
  for (const split of splits) split.b = program.length;
  return true;
}

const isWordCode = (code: number): boolean =>
  (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 95 || (code >= 97 && code <= 122);

function holds(at: '^' | '$' | 'b' | 'B', text: string, i: number, flags: RegexFlags): boolean {
  if (at === '^') return i === 0 || (flags.multiline && text.charCodeAt(i - 1) === 10);
  if (at === '$') return i === text.length || (flags.multiline && text.charCodeAt(i) === 10);
  const edge =
    (i > 0 && isWordCode(text.charCodeAt(i - 1))) !== (i < text.length && isWordCode(text.charCodeAt(i)));
  return (at === 'b') === edge;
}

function run(
  program: readonly Instruction[],
  text: string,
  flags: RegexFlags,
  begins: Uint8Array | null,
): boolean {
  const seen = new Int32Array(program.length).fill(-1);
  let threads: number[] = [];
  let next: number[] = [];
  const stack: number[] = [];
  // Follows everything that reads no character; true once `match` is reached.
  const follow = (start: number, i: number, into: number[]): boolean => {
    stack.push(start);
    for (let pc = stack.pop(); pc !== undefined; pc = stack.pop()) {
      if (seen[pc] === i) continue;
      seen[pc] = i;
      const instruction = program[pc]!;
      if (instruction.op === 'match') {
        stack.length = 0;
        return true;
      }
      if (instruction.op === 'jump') stack.push(instruction.a);
      else if (instruction.op === 'split') stack.push(instruction.b, instruction.a);
      else if (instruction.op === 'char') into.push(pc);
      else if (holds(instruction.at, text, i, flags)) stack.push(pc + 1);
    }
    return false;
  };
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : -1;
    const mayBegin = begins === null || code >= 128 || (code >= 0 && begins[code] === 1);
    if (!mayBegin && threads.length === 0) continue;
    // A match may begin anywhere.
    if (mayBegin && follow(0, i, threads)) return true;
    if (i === text.length) return false;
    next.length = 0;
    for (const pc of threads) {
      const instruction = program[pc]!;
      if (instruction.op === 'char' && instruction.test(code) && follow(pc + 1, i + 1, next)) return true;
    }
    [threads, next] = [next, threads];
  }
  return false;
}
