import type { ProducerIdentity } from './wire/transactions.ts';

/** What one append has for one partition. */
export interface Entry {
  readonly bodies: readonly Buffer[];
  readonly bytes: number;
  /** Offset of each record, as they become known. */
  readonly offsets: number[];
  resolve(): void;
  reject(error: unknown): void;
  settled: boolean;
}

/** A run of an entry's records. */
interface Part {
  readonly entry: Entry;
  readonly from: number;
  readonly to: number;
}

/** What goes out as one record batch; the same bytes each time it is sent. */
export interface Outgoing {
  readonly parts: readonly Part[];
  readonly count: number;
  readonly bytes: number;
  readonly sequence: number;
  encoded?: Buffer;
  /** The broker may have it: it can only be sent again, not taken back. */
  sent: boolean;
}

/** Records of one writer for one partition: one batch is under way at a time, the others wait in order. */
export interface ProducerLane {
  readonly identity: ProducerIdentity;
  readonly topic: string;
  readonly partition: number;
  readonly idle: boolean;
  push(entry: Entry): void;
  /** The batch under way, or the next one; undefined where nothing waits. */
  next(): Outgoing | undefined;
  /** It is in the log from this offset on. */
  acknowledge(baseOffset: number): void;
  /** The broker has refused the batch under way and has not got it. */
  refuse(error: unknown): void;
  /** Nothing more can be sent. */
  refuseAll(error: unknown): void;
  /** Takes an entry out if no record of it has gone out yet; false where that cannot be said. */
  withdraw(entry: Entry): boolean;
}

/** Sequences are 31 bits and go round. */
const SEQUENCE_MASK = 0x7fffffff;

export function createProducerLane(
  identity: ProducerIdentity,
  topic: string,
  partition: number,
  batchBytesMax: number,
  onFreed: (bytes: number) => void,
): ProducerLane {
  // Bounded by queueBytesMax over all lanes (producer.ts).
  let entries: Entry[] = [];
  /** Records of the first entry that have gone into a batch already. */
  let taken = 0;
  let sequence = 0;
  let current: Outgoing | undefined;

  const settle = (entry: Entry, error?: unknown): void => {
    if (entry.settled) return;
    entry.settled = true;
    onFreed(entry.bytes);
    if (error === undefined) entry.resolve();
    else entry.reject(error);
  };
  const build = (): Outgoing | undefined => {
    const parts: Part[] = [];
    let bytes = 0;
    let count = 0;
    let full = false;
    while (entries.length > 0 && !full) {
      const entry = entries[0]!;
      const from = taken;
      while (taken < entry.bodies.length) {
        const more = entry.bodies[taken]!.length;
        full = count > 0 && bytes + more > batchBytesMax;
        if (full) break;
        bytes += more;
        count += 1;
        taken += 1;
      }
      if (taken > from) parts.push({ entry, from, to: taken });
      if (taken < entry.bodies.length) break;
      entries.shift();
      taken = 0;
    }
    return count === 0 ? undefined : { parts, count, bytes, sequence, sent: false };
  };
  const drop = (entry: Entry): void => {
    if (entries[0] === entry) taken = 0;
    entries = entries.filter((one) => one !== entry);
  };
  return {
    identity,
    topic,
    partition,
    get idle() {
      return current === undefined && entries.length === 0;
    },
    push(entry) {
      entries.push(entry);
    },
    next() {
      current ??= build();
      return current;
    },
    acknowledge(baseOffset) {
      const done = current!;
      current = undefined;
      sequence = (sequence + done.count) & SEQUENCE_MASK;
      let offset = baseOffset;
      for (const { entry, from, to } of done.parts) {
        for (let index = from; index < to; index += 1) {
          entry.offsets[index] = offset;
          offset += 1;
        }
        if (to === entry.bodies.length) settle(entry);
      }
    },
    refuse(error) {
      const refused = current!;
      current = undefined;
      for (const { entry } of refused.parts) {
        settle(entry, error);
        drop(entry);
      }
    },
    refuseAll(error) {
      for (const { entry } of current?.parts ?? []) settle(entry, error);
      for (const entry of entries) settle(entry, error);
      current = undefined;
      entries = [];
      taken = 0;
    },
    withdraw(entry) {
      if (current?.parts.some((part) => part.entry === entry) === true) return false;
      if (!entries.includes(entry) || (entries[0] === entry && taken > 0)) return false;
      drop(entry);
      onFreed(entry.bytes);
      entry.settled = true;
      return true;
    },
  };
}
