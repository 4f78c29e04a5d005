/** CRC-32C (Castagnoli, RFC 3720 appendix B.4), which Kafka's record batches carry; node:zlib has only CRC-32. Four bytes a step. */
const POLYNOMIAL = 0x82f63b78;

const tables: readonly Uint32Array[] = (() => {
  const made = Array.from({ length: 4 }, () => new Uint32Array(256));
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    made[0]![byte] = crc >>> 0;
  }
  for (let byte = 0; byte < 256; byte += 1)
    for (let table = 1; table < 4; table += 1) {
      const before = made[table - 1]![byte]!;
      made[table]![byte] = ((before >>> 8) ^ made[0]![before & 0xff]!) >>> 0;
    }
  return made;
})();
const [T0, T1, T2, T3] = tables as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  let at = 0;
  for (const end = bytes.length - 3; at < end; at += 4) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc = T3[crc & 0xff]! ^ T2[(crc >>> 8) & 0xff]! ^ T1[(crc >>> 16) & 0xff]! ^ T0[crc >>> 24]!;
  }
  for (; at < bytes.length; at += 1) crc = (crc >>> 8) ^ T0[(crc ^ bytes[at]!) & 0xff]!;
  return (crc ^ 0xffffffff) >>> 0;
}
