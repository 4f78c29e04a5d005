/** YAML held against a TypeBox schema; every mistake is named with file, line and reason. For config, policies, playbooks, directories. */
import type { Static, TSchema } from 'typebox';
import Value from 'typebox/value';
import { isMap, isScalar, LineCounter, parseDocument, type Document, type Node } from 'yaml';

export interface Problem {
  /** File as given, or `environment`. */
  readonly file: string;
  /** From 1; 0 where there is no line. */
  readonly line: number;
  /** Dotted path of the field, empty for the whole. */
  readonly path: string;
  readonly reason: string;
}

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** `file:line: path: reason`, as compilers print it. */
export function formatProblem(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}` : problem.file;
  return problem.path === '' ? `${place}: ${problem.reason}` : `${place}: ${problem.path}: ${problem.reason}`;
}

/** Bytes that a YAML file may have; aliases are limited by the parser. */
const YAML_BYTES_MAX = 4 * 1024 * 1024;
const PROBLEMS_MAX = 20;

export interface Found {
  keyword: string;
  instancePath: string;
  message: string;
  params: unknown;
}

/** Line of the field at `path`, or of the nearest ancestor that the file has. */
function lineOf(document: Document, lines: LineCounter, path: readonly string[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const keys = path.slice(0, length);
    let position: number | undefined;
    if (length > 0) {
      const parent = document.getIn(keys.slice(0, -1), true) as Node | undefined;
      const last = keys.at(-1)!;
      if (isMap(parent)) {
        const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === last);
        position = (pair?.key as Node | undefined)?.range?.[0];
      } else position = (document.getIn(keys, true) as Node | undefined)?.range?.[0];
    } else position = document.contents?.range?.[0];
    if (position !== undefined) return lines.linePos(position).line;
  }
  return 1;
}

/** Line of a field in YAML text, or of its nearest ancestor; 1 where the text has neither, or is no YAML. */
export function lineOfPath(text: string, path: readonly string[]): number {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  return document.errors.length > 0 ? 1 : lineOf(document, lines, path);
}

const decodePointer = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

/** By pointer, one reason for each place of what TypeBox found wrong: of a failed union the alternatives, of a stranger the name, else what the schema says. */
export function reasonsOf(found: readonly Found[]): Map<string, string> {
  const reasons = new Map<string, string>();
  for (const error of found) {
    const { instancePath: at, keyword } = error;
    if (keyword === 'additionalProperties') continue;
    if (keyword === 'boolean') reasons.set(at, 'no such field');
    else if (keyword === 'const') {
      const value = JSON.stringify((error.params as { allowedValue: unknown }).allowedValue);
      const before = reasons.get(at);
      reasons.set(
        at,
        before?.startsWith('must be one of ') ? `${before}, ${value}` : `must be one of ${value}`,
      );
    } else if (keyword === 'required') {
      const { requiredProperties } = error.params as { requiredProperties: string[] };
      reasons.set(at, `lacks ${requiredProperties.join(', ')}`);
    } else if (!reasons.has(at)) reasons.set(at, error.message);
  }
  // A union says so at its own place beside the reason of a part; the part is the better one.
  for (const error of found) {
    if (error.keyword !== 'anyOf') continue;
    const inside = [...reasons.keys()].some((other) => other.startsWith(`${error.instancePath}/`));
    if (inside && reasons.get(error.instancePath) === error.message) reasons.delete(error.instancePath);
  }
  return reasons;
}

/** Reads YAML text, fills in the schema's defaults after `amend` has had its way, and checks it. */
export function readCheckedYaml<S extends TSchema>(
  file: string,
  text: string,
  schema: S,
  amend: (value: unknown) => unknown = (value) => value,
): Checked<Static<S>> {
  const fail = (line: number, reason: string): Checked<Static<S>> => ({
    ok: false,
    problems: [{ file, line, path: '', reason }],
  });
  if (Buffer.byteLength(text) > YAML_BYTES_MAX) return fail(0, `is over ${YAML_BYTES_MAX} bytes`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const broken = document.errors[0];
  if (broken !== undefined) return fail(lines.linePos(broken.pos[0]).line, broken.message);
  let plain: unknown;
  try {
    plain = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    return fail(1, (error as Error).message);
  }
  const value = Value.Default(schema, amend(plain));
  if (Value.Check(schema, value)) return { ok: true, value };
  const reasons = reasonsOf(Value.Errors(schema, value) as Found[]);
  const problems = [...reasons].slice(0, PROBLEMS_MAX).map(([pointer, reason]) => {
    const path = decodePointer(pointer);
    return { file, line: lineOf(document, lines, path), path: path.join('.'), reason };
  });
  return { ok: false, problems };
}
