/**
 * Which partition a key goes to, as Kafka's default partitioner decides it: the positive murmur2 of the key's UTF-8 bytes modulo
 * the number of partitions (org.apache.kafka.common.utils.Utils.murmur2). All adapters use it, so that they agree.
 */
const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** MurmurHash 2, 32 bit, as Kafka computes it; a signed number. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length;
  let hash = SEED ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let k = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    k = Math.imul(k, M);
    hash = Math.imul(hash, M) ^ k;
  }
  const rest = length - at;
  if (rest > 2) hash ^= bytes[at + 2]! << 16;
  if (rest > 1) hash ^= bytes[at + 1]! << 8;
  if (rest > 0) {
    hash ^= bytes[at]!;
    hash = Math.imul(hash, M);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, M);
  return hash ^ (hash >>> 15);
}

/** Partition of `key` among `partitions`. */
export function partitionFor(key: string, partitions: number): number {
  return partitions === 1 ? 0 : (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions;
}
