/** A map with a bound: the entry that was set longest ago goes first, unless `keep` holds on to it. */
export interface RecentMap<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  values(): IterableIterator<V>;
  readonly size: number;
}

const SCAN_MAX = 64;

export function createRecentMap<V>(
  entriesMax: number,
  keep: (value: V) => boolean = () => false,
): RecentMap<V> {
  const map = new Map<string, V>();
  const evict = (): void => {
    // What must be kept is moved to the back; after a few of them the bound wins, since memory is not endless.
    for (let scanned = 0; map.size > entriesMax; scanned += 1) {
      const [key, value] = map.entries().next().value!;
      map.delete(key);
      if (scanned < SCAN_MAX && keep(value)) map.set(key, value);
    }
  };
  return {
    get: (key) => map.get(key),
    set(key, value) {
      map.delete(key);
      map.set(key, value);
      if (map.size > entriesMax) evict();
    },
    delete: (key) => void map.delete(key),
    values: () => map.values(),
    get size() {
      return map.size;
    },
  };
}
