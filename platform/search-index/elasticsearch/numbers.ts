/** Numbers as 16 hex digits that sort as the numbers do: IEEE 754, sign flipped, negatives inverted. */
const view = new DataView(new ArrayBuffer(8));
const SIGN = 1n << 63n;
const ALL = (1n << 64n) - 1n;

export function toSortable(value: number): string {
  // -0 is 0.
  view.setFloat64(0, value === 0 ? 0 : value);
  const bits = view.getBigUint64(0);
  return ((bits & SIGN) === 0n ? bits | SIGN : bits ^ ALL).toString(16).padStart(16, '0');
}

export function fromSortable(text: string): number {
  const bits = BigInt(`0x${text}`);
  view.setBigUint64(0, (bits & SIGN) === 0n ? bits ^ ALL : bits ^ SIGN);
  return view.getFloat64(0);
}
