/** Hashes of a bundle's files as OPA's bundle signing has them: JSON files by their content, whatever its layout; others by their bytes. */
import { createHash } from 'node:crypto';

const ALGORITHMS: Readonly<Record<string, string>> = {
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
  'SHA-512-224': 'sha512-224',
  'SHA-512-256': 'sha512-256',
};

/** JSON whose keys stand in byte order and whose numbers are as they were written. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value instanceof WrittenNumber) return value.text;
  if (typeof value === 'object' && value !== null) {
    const keys = Object.keys(value).sort((one, other) =>
      Buffer.compare(Buffer.from(one), Buffer.from(other)),
    );
    const fields = keys.map((key) => `${text(key)}:${canonical((value as Record<string, unknown>)[key])}`);
    return `{${fields.join(',')}}`;
  }
  return typeof value === 'string' ? text(value) : JSON.stringify(value);
}

/** As Go's encoder writes it without HTML escapes. */
const text = (value: string): string =>
  JSON.stringify(value)
    .replaceAll('\u2028', String.raw`\u2028`)
    .replaceAll('\u2029', String.raw`\u2029`);

class WrittenNumber {
  readonly text: string;
  constructor(written: string) {
    this.text = written;
  }
}

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

const parse = (bytes: Buffer): unknown =>
  (JSON.parse as (given: string, reviver: Reviver) => unknown)(
    bytes.toString('utf8'),
    (_key, value, context) =>
      typeof value === 'number' ? new WrittenNumber(context.source ?? String(value)) : value,
  );

const isStructured = (name: string): boolean =>
  /(^|\/)(data\.json|\.manifest|\.signatures\.json)$/.test(name);

/** Hex, or why there is none. */
export function hashOfFile(
  name: string,
  bytes: Buffer,
  algorithm: string,
): { readonly hash: string } | { readonly reason: string } {
  const known = Object.hasOwn(ALGORITHMS, algorithm) ? ALGORITHMS[algorithm] : undefined;
  if (known === undefined)
    return { reason: `${name} is hashed with ${algorithm || 'nothing'}, which is not taken` };
  try {
    const hashed = isStructured(name) ? canonical(parse(bytes)) : bytes;
    return { hash: createHash(known).update(hashed).digest('hex') };
  } catch {
    return { reason: `${name} is no JSON` };
  }
}
