/**
 * Makes UUIDv7s (RFC 9562, section 5.7) that grow within one process, also within one millisecond and when the clock steps
 * back: a 12-bit counter follows the time and runs over into it (RFC 9562, section 6.2, method 1).
 */
export function createUuidv7(bytes: (length: number) => Uint8Array): (nowMs: number) => string {
  let lastMs = 0;
  let counter = 0;
  return (nowMs) => {
    if (nowMs > lastMs) {
      lastMs = nowMs;
      counter = 0;
    } else {
      counter += 1;
      if (counter > 0xfff) {
        lastMs += 1;
        counter = 0;
      }
    }
    const raw = Buffer.alloc(16);
    raw.writeUIntBE(lastMs, 0, 6);
    raw.writeUInt16BE(0x7000 | counter, 6);
    raw.set(bytes(8), 8);
    raw[8] = 0x80 | (raw[8]! & 0x3f);
    const hex = raw.toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  };
}
