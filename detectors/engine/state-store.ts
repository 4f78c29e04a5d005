import { createKeyState, type KeyState } from './key-state.ts';
import type { Slot, StateChangelog, StoredState } from './state-changelog.ts';

interface Entry {
  /** Absent: only in the changelog. */
  state?: KeyState | undefined;
  dirty: boolean;
  /** What the last marker vouches for. */
  marked?: StoredState | undefined;
  /** Written since the last marker. */
  unmarked?: StoredState | undefined;
}

export interface StateStore {
  /** Input offset that the restored state contains; -1 where there was none. */
  readonly restoredOffset: number;
  /** State of a key, for changing: it is written with the next commit. */
  get(key: string): Promise<KeyState>;
  /** Loads every restored state that has events behind a gap; returns their keys. */
  loadWaiting(): Promise<string[]>;
  /** Writes what changed, then the marker: from here on everything up to `inputOffset` is safe. */
  commit(inputOffset: number): Promise<void>;
  /** Spills the longest unused states to the changelog down to the bound. */
  trim(inputOffset: number): Promise<void>;
}

const withoutBytes = ({ bytes: _bytes, ...place }: StoredState): StoredState => place;

/** States written in one append. */
const WRITE_STATES_MAX = 64;

/** Keyed state of one partition, bounded in memory; restores what the changelog holds. */
export async function openStateStore(changelog: StateChangelog, statesMax: number): Promise<StateStore> {
  const restored = await changelog.restore(statesMax);
  const entries = new Map<string, Entry>();
  const inMemory = new Map<string, Entry>();
  /** Written since the last marker. */
  const unmarked = new Set<Entry>();

  /** Never the slot that the marker vouches for. */
  const slotFor = ({ marked }: Entry): Slot => (marked?.slot === 0 ? 1 : 0);

  const write = async (keys: readonly string[], inputOffset: number): Promise<void> => {
    for (let at = 0; at < keys.length; at += WRITE_STATES_MAX) {
      const some = keys.slice(at, at + WRITE_STATES_MAX);
      const states = some.map((key) => {
        const entry = entries.get(key)!;
        return { key, slot: slotFor(entry), bytes: entry.state!.encode() };
      });
      const written = await changelog.write(states, inputOffset);
      some.forEach((key, index) => {
        const entry = entries.get(key)!;
        entry.unmarked = written[index]!;
        unmarked.add(entry);
        entry.dirty = false;
      });
    }
  };

  const store: StateStore = {
    restoredOffset: restored.inputOffset,
    async get(key) {
      let entry = entries.get(key);
      if (entry === undefined) {
        entry = { dirty: true, marked: restored.takeOut(key) };
        entries.set(key, entry);
      }
      if (entry.state === undefined) {
        const stored = entry.unmarked ?? entry.marked;
        entry.state = createKeyState(key, stored && (stored.bytes ?? (await changelog.read(key, stored))));
        if (entry.marked?.bytes !== undefined) entry.marked = withoutBytes(entry.marked);
      }
      entry.dirty = true;
      inMemory.delete(key);
      inMemory.set(key, entry);
      return entry.state;
    },
    async loadWaiting() {
      for (const key of restored.waiting) await store.get(key);
      return [...restored.waiting];
    },
    async commit(inputOffset) {
      await write(
        [...inMemory].filter(([, { dirty }]) => dirty).map(([key]) => key),
        inputOffset,
      );
      // What waits behind a gap is never spilled, so that all of it is in memory.
      const waiting = [...inMemory]
        .filter(([, { state }]) => state!.order.waiting.size > 0)
        .map(([key]) => key);
      await changelog.mark(inputOffset, waiting);
      for (const entry of unmarked) {
        entry.marked = entry.unmarked;
        entry.unmarked = undefined;
      }
      unmarked.clear();
    },
    async trim(inputOffset) {
      if (inMemory.size <= statesMax) return;
      // A state with events behind a gap stays: the gap's timer must find it.
      const spare = [...inMemory]
        .filter(([, { state }]) => state!.order.waiting.size === 0)
        .slice(0, inMemory.size - statesMax);
      await write(
        spare.filter(([, { dirty }]) => dirty).map(([key]) => key),
        inputOffset,
      );
      for (const [key, entry] of spare) {
        entry.state = undefined;
        inMemory.delete(key);
      }
    },
  };
  return store;
}
