const hexOf = (count: number, digits: number): readonly string[] =>
  Array.from({ length: count }, (_, value) => value.toString(16).padStart(digits, '0'));
/** Tables: an id is made several times for each request. */
const HEX = hexOf(256, 2);
const COUNTERS = hexOf(0x1000, 3);

/**
 * Makes UUIDv7s (RFC 9562, section 5.7) that grow within one process, also within one millisecond and when the clock steps
 * back: a 12-bit counter follows the time and runs over into it (RFC 9562, section 6.2, method 1).
 */
export function createUuidv7(bytes: (length: number) => Uint8Array): (nowMs: number) => string {
  let lastMs = 0;
  let counter = 0;
  let prefix = '';
  let prefixMs = -1;
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
      prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
      prefixMs = lastMs;
    }
    const random = bytes(8);
    const variant = HEX[0x80 | (random[0]! & 0x3f)]!;
    let node = '';
    for (let index = 2; index < 8; index += 1) node += HEX[random[index]!]!;
    return `${prefix}${COUNTERS[counter]!}-${variant}${HEX[random[1]!]!}-${node}`;
  };
}
