/** Writers of Avro's primitive types (Avro 1.12 specification, "Primitive Types"); they throw TypeError on what does not fit. */

/** Where the writers write; one for all, since none waits in the middle. */
export const out: { buffer: Buffer; at: number } = { buffer: Buffer.alloc(0), at: 0 };

export type Write = (value: unknown) => void;

/** Not an Error: there is no room, and the caller comes again with more. */
export const NO_ROOM = Symbol('no room');

const SHORT_CHARS_MAX = 80;
/** Twice as much is still exact as a number. */
const EXACT_LONG_MAX = 2 ** 52;

export const misfit = (expected: string, value: unknown): TypeError =>
  new TypeError(`not a valid ${expected}: ${value === null ? 'null' : typeof value}`);

function reserve(bytes: number): void {
  // oxlint-disable-next-line typescript/only-throw-error -- caught here, hundreds of events apart; a stack trace costs more than an event
  if (out.at + bytes > out.buffer.length) throw NO_ROOM;
}

/** A count, a length or a branch: most take one byte. */
export function writeCount(value: number): void {
  if (value < 64) {
    reserve(1);
    out.buffer[out.at++] = value * 2;
  } else writeLong(value);
}

function writeLong(value: unknown): void {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw misfit('long', value);
  reserve(10);
  const { buffer } = out;
  if (value >= EXACT_LONG_MAX || value < -EXACT_LONG_MAX) {
    let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
    for (; rest >= 128n; rest >>= 7n) buffer[out.at++] = Number(rest & 127n) | 128;
    buffer[out.at++] = Number(rest);
    return;
  }
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  for (; rest >= 2 ** 31; rest = Math.floor(rest / 128)) buffer[out.at++] = (rest % 128) | 128;
  let low = rest | 0;
  for (; low >= 128; low >>= 7) buffer[out.at++] = (low & 127) | 128;
  buffer[out.at++] = low;
}

export function writeString(value: unknown): void {
  if (typeof value !== 'string') throw misfit('string', value);
  const { length } = value;
  if (length <= SHORT_CHARS_MAX) {
    reserve(length + 2);
    const { buffer } = out;
    let { at } = out;
    const count = length * 2;
    if (count < 128) buffer[at++] = count;
    else {
      buffer[at++] = (count & 127) | 128;
      buffer[at++] = count >> 7;
    }
    let index = 0;
    for (; index < length; index += 1) {
      const code = value.charCodeAt(index);
      if (code >= 128) break;
      buffer[at++] = code;
    }
    if (index === length) {
      out.at = at;
      return;
    }
  }
  const bytes = Buffer.byteLength(value);
  writeCount(bytes);
  reserve(bytes);
  out.at += out.buffer.write(value, out.at, 'utf8');
}

export function writeRaw(value: Uint8Array): void {
  reserve(value.byteLength);
  out.buffer.set(value, out.at);
  out.at += value.byteLength;
}

function writeBytes(value: unknown): void {
  if (!(value instanceof Uint8Array)) throw misfit('bytes', value);
  writeCount(value.byteLength);
  writeRaw(value);
}

export const PRIMITIVES: Readonly<Record<string, Write>> = {
  null(value) {
    if (value !== null) throw misfit('null', value);
  },
  boolean(value) {
    if (typeof value !== 'boolean') throw misfit('boolean', value);
    reserve(1);
    out.buffer[out.at++] = value ? 1 : 0;
  },
  int(value) {
    if (typeof value !== 'number' || (value | 0) !== value) throw misfit('int', value);
    writeLong(value);
  },
  long: writeLong,
  float(value) {
    if (typeof value !== 'number') throw misfit('float', value);
    reserve(4);
    out.at = out.buffer.writeFloatLE(value, out.at);
  },
  double(value) {
    if (typeof value !== 'number') throw misfit('double', value);
    reserve(8);
    out.at = out.buffer.writeDoubleLE(value, out.at);
  },
  bytes: writeBytes,
  string: writeString,
};
