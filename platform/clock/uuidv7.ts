const DIGITS = Buffer.from('0123456789abcdef');
const CHARS = 36;
const NODE_BYTES = 8;
const POOL_BYTES = 64 * NODE_BYTES;
/** Where the hexadecimal digits of the random bytes stand. */
const NODE_AT = [19, 21, 24, 26, 28, 30, 32, 34];

/**
 * Makes UUIDv7s (RFC 9562, section 5.7) that grow within one process, also within one millisecond and when the clock steps
 * back: a 12-bit counter follows the time and runs over into it (RFC 9562, section 6.2, method 1).
 */
export function createUuidv7(bytes: (length: number) => Uint8Array): (nowMs: number) => string {
  let lastMs = 0;
  let counter = 0;
  // An id is made several times for each request: in one place, and one string of it.
  const text = Buffer.alloc(CHARS, '-');
  let prefixMs = -1;
  // Bytes for many ids at once: a view of them for each costs more than its digits.
  let random: Uint8Array = new Uint8Array();
  let used = 0;
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
    if (lastMs !== prefixMs) {
      const hex = lastMs.toString(16).padStart(12, '0');
      text.write(`${hex.slice(0, 8)}-${hex.slice(8)}-7`, 0, 'latin1');
      prefixMs = lastMs;
    }
    if (used === random.length) {
      random = bytes(POOL_BYTES);
      used = 0;
    }
    text[15] = DIGITS[counter >> 8]!;
    text[16] = DIGITS[(counter >> 4) & 15]!;
    text[17] = DIGITS[counter & 15]!;
    for (let index = 0; index < NODE_BYTES; index += 1) {
      const drawn = random[used + index]!;
      const byte = index === 0 ? 0x80 | (drawn & 0x3f) : drawn;
      const at = NODE_AT[index]!;
      text[at] = DIGITS[byte >> 4]!;
      text[at + 1] = DIGITS[byte & 15]!;
    }
    used += NODE_BYTES;
    return text.toString('latin1');
  };
}
