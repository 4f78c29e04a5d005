/**
 * A copy in memory of its own, for what is kept long: a small buffer made in any other way is a slice of a slab that it keeps alive,
 * thousands of bytes for a key of 32.
 */
export const ownCopy = (bytes: Uint8Array): Buffer => Buffer.from(new Uint8Array(bytes).buffer);
