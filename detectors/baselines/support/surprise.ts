const SEEN_MAX = 20_000;
/** So rare that it counts in full: one in a thousand. */
const FULL = Math.log(1000);

/** Chance that the next one is new (Witten-Bell), for an identity that brought `inventions` new ones in `seen`. */
export function newChanceOf(inventions: number, seen: number): number {
  return (inventions + 1) / (Math.min(seen, SEEN_MAX) + inventions + 1);
}

/** How surprising something new is, 0 to 1, on a logarithmic scale. */
export function surpriseOf(inventions: number, seen: number): number {
  return Math.min(1, Math.max(0, -Math.log(newChanceOf(inventions, seen)) / FULL));
}
