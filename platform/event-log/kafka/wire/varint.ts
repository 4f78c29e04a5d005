/** Zigzag varints of Kafka's records, 32 bits. */
export function varintBytes(value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let bytes = 1;
  while (rest > 0x7f) {
    bytes += 1;
    rest >>>= 7;
  }
  return bytes;
}

/** Writes it and returns where the next byte goes. */
export function writeVarint(buffer: Buffer, at: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  while (rest > 0x7f) {
    buffer[at] = (rest & 0x7f) | 0x80;
    at += 1;
    rest >>>= 7;
  }
  buffer[at] = rest;
  return at + 1;
}

/** A place in a buffer that moves on as it is read. */
export interface VarintCursor {
  readonly buffer: Buffer;
  at: number;
}

export function readVarint(cursor: VarintCursor): number {
  const { buffer } = cursor;
  let value = 0;
  let shift = 0;
  for (;;) {
    const byte = buffer[cursor.at];
    if (byte === undefined || shift > 28) throw new RangeError('varint out of bounds');
    cursor.at += 1;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
    shift += 7;
  }
  return (value >>> 1) ^ -(value & 1);
}

/** A 64-bit one, as a number: for time stamps and their differences. */
export function readVarlong(cursor: VarintCursor): number {
  let value = 0n;
  let shift = 0n;
  for (;;) {
    const byte = cursor.buffer[cursor.at];
    if (byte === undefined || shift > 63n) throw new RangeError('varint out of bounds');
    cursor.at += 1;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) break;
    shift += 7n;
  }
  return Number((value >> 1n) ^ -(value & 1n));
}
