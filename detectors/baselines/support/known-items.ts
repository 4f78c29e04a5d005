/** Things that an identity is known for (networks, tools, shapes, objects), with decayed weights. Bounded. */
export const DAY_MS = 86_400_000;
/** What was seen counts half after this time (event time). */
export const HALF_LIFE_MS = 14 * DAY_MS;
/** Something seen for the first time counts as new for so long: an intruder must not become usual within one night. */
export const PROBATION_MS = DAY_MS / 2;

export interface KnownItem {
  weight: number;
  first: number;
  last: number;
}
export type KnownItems = Map<string, KnownItem>;

export const decayed = (weight: number, elapsedMs: number, halfLifeMs = HALF_LIFE_MS): number =>
  elapsedMs <= 0 ? weight : weight * 2 ** (-elapsedMs / halfLifeMs);

/** Counts one sighting; at the bound what weighs least is forgotten. */
export function learnItem(items: KnownItems, key: string, at: number, itemsMax: number): void {
  const known = items.get(key);
  if (known !== undefined) {
    known.weight = decayed(known.weight, at - known.last) + 1;
    known.first = Math.min(known.first, at);
    known.last = Math.max(known.last, at);
    return;
  }
  if (items.size >= itemsMax) forgetLightest(items, at);
  items.set(key, { weight: 1, first: at, last: at });
}

function forgetLightest(items: KnownItems, at: number): void {
  let lightest: string | undefined;
  let least = Infinity;
  for (const [key, { weight, last }] of items) {
    const now = decayed(weight, at - last);
    if (now < least) {
      least = now;
      lightest = key;
    }
  }
  if (lightest !== undefined) items.delete(lightest);
}

/** Never seen, or only so lately that it may be the intruder's own doing. */
export function isNew(items: KnownItems, key: string, at: number): boolean {
  const known = items.get(key);
  return known === undefined || at - known.first < PROBATION_MS;
}

/** What came in while things were under suspicion is taken back. True where nothing is left. */
export function forgetRecent(items: KnownItems, at: number): boolean {
  for (const [key, { first }] of items) if (at - first < PROBATION_MS) items.delete(key);
  return items.size === 0;
}
