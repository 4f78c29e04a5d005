/**
 * The first message of a connection has no type (PostgreSQL: 54.2.1, 54.7):
 *
 *     | length: int32 | code: int32 | StartupMessage: name\0 value\0 ... \0  or  CancelRequest: pid, key |
 */
import { REQUEST_CODES } from './message-types.ts';

/** As PostgreSQL has it (MAX_STARTUP_PACKET_LENGTH). */
export const STARTUP_BYTES_MAX = 10_000;

export type InitialMessage =
  | { readonly kind: 'ssl' }
  | { readonly kind: 'gss' }
  | { readonly kind: 'cancel'; readonly pid: number; readonly key: Buffer }
  | {
      readonly kind: 'startup';
      readonly major: number;
      readonly minor: number;
      readonly parameters: ReadonlyMap<string, string>;
    };

export type InitialRead =
  | { readonly state: 'more' }
  | { readonly state: 'bad'; readonly reason: string }
  | { readonly state: 'done'; readonly message: InitialMessage; readonly rest: Buffer };

/** Reads the first message from what has arrived so far. */
export function readInitial(bytes: Buffer): InitialRead {
  if (bytes.length < 4) return { state: 'more' };
  const length = bytes.readUInt32BE(0);
  if (length < 8 || length > STARTUP_BYTES_MAX)
    return { state: 'bad', reason: `a first message of ${length} bytes` };
  if (bytes.length < length) return { state: 'more' };
  const body = bytes.subarray(8, length);
  const code = bytes.readUInt32BE(4);
  const message = decodeInitial(code, body);
  if (typeof message === 'string') return { state: 'bad', reason: message };
  return { state: 'done', message, rest: bytes.subarray(length) };
}

function decodeInitial(code: number, body: Buffer): InitialMessage | string {
  if (code === REQUEST_CODES.ssl) return { kind: 'ssl' };
  if (code === REQUEST_CODES.gssEncryption) return { kind: 'gss' };
  if (code === REQUEST_CODES.cancel) {
    if (body.length < 8 || body.length > 4 + 256) return 'a cancel request of a wrong length';
    return { kind: 'cancel', pid: body.readInt32BE(0), key: body.subarray(4) };
  }
  const major = code >>> 16;
  if (major !== 3) return `protocol version ${major}.${code & 0xffff} is not supported (3.0 to 3.2 are)`;
  const parameters = decodePairs(body);
  if (parameters === undefined) return 'a startup message whose parameters do not end where it ends';
  return { kind: 'startup', major, minor: code & 0xffff, parameters };
}

function decodePairs(body: Buffer): Map<string, string> | undefined {
  if (body.length === 0 || body[body.length - 1] !== 0) return undefined;
  const fields = body.toString('utf8', 0, body.length - 1).split('\0');
  // Each string ends with a zero; the pairs end with one more.
  if (fields.length === 1 && fields[0] === '') return new Map();
  if (fields.pop() !== '') return undefined;
  if (fields.length % 2 !== 0) return undefined;
  const pairs = new Map<string, string>();
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at] === '') return undefined;
    pairs.set(fields[at]!, fields[at + 1]!);
  }
  return pairs;
}
