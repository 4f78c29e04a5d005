/**
 * Keyed state on countersign.detector-state. Record key: COMPONENT/VERSION/PARTITION/KEY/SLOT/CHUNK. Each key has two slots that are
 * written in turn: what the last commit marker vouches for is never overwritten before the next marker stands, so that a crash
 * between the two leaves one moment to go back to, whole. Marker: COMPONENT/VERSION/PARTITION//marker.
 */
import { detectorsError } from '../errors.ts';
import type { EventLog, LogRecord, LogWriter, NewRecord } from '../../platform/event-log/event-log.ts';
import type { Codec } from '../../schemas/codec.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { DetectorState } from '../../schemas/types.ts';
import { createRecentStates } from './recent-states.ts';

const TOPIC = TOPICS.detectorState.name;
const VERSION = '1';
/** A record stays under 256 KiB with its key and frame. */
const CHUNK_BYTES = 192 * 1024;
const WAITING_KEYS_MAX = 500;
const STATE_BYTES_MAX = 16 * 1024 * 1024;

export type Slot = 0 | 1;

/** Where a written state stands. */
export interface StoredState {
  readonly slot: Slot;
  readonly inputOffset: number;
  readonly firstOffset: number;
  readonly chunks: number;
  /** The state itself, where it passed by while restoring and there was room for it. */
  readonly bytes?: Buffer;
}

export interface Restored {
  /** Input offset that the marker vouches for; -1 where there is none. */
  readonly inputOffset: number;
  readonly states: ReadonlyMap<string, StoredState>;
  /** Keys with events behind a gap. */
  readonly waiting: readonly string[];
}

export interface StateChangelog {
  /** Of the newest states, `keepMax` come with their bytes: who acted last acts next. */
  restore(keepMax: number): Promise<Restored>;
  /** Offset that the next record will get. */
  endOffset(): Promise<number>;
  /** Whether nobody has written state of this partition from `offset` on. */
  untouchedSince(offset: number): Promise<boolean>;
  write(
    states: readonly { key: string; slot: Slot; bytes: Buffer }[],
    inputOffset: number,
  ): Promise<StoredState[]>;
  /** The marker; it also names the keys with events behind a gap. */
  mark(inputOffset: number, waiting: readonly string[]): Promise<void>;
  read(key: string, stored: StoredState): Promise<Buffer>;
}

export interface ChangelogDeps {
  readonly eventLog: EventLog;
  readonly writer: Pick<LogWriter, 'append'>;
  readonly codec: Codec<DetectorState>;
  /** Takes what cannot be read while state is restored; absent: it is passed over. */
  readonly giveUp?: (record: LogRecord, reason: string) => Promise<void>;
}

/** So many are held for `giveUp`; a topic with more of them has other troubles. */
const UNREADABLE_MAX = 1000;
/** How the keys of all components begin. */
const OWNED_KEY = /^[a-z][a-z_-]*\/\d+\/\d+\//;

const nobody = (): void => undefined;

interface Written extends StoredState {
  missing: number;
}
type Found = [Written | undefined, Written | undefined];

const complete = (written: Written | undefined, inputOffset: number): Written | undefined =>
  written?.missing === 0 && written.inputOffset <= inputOffset ? written : undefined;
const newer = (one: Written | undefined, other: Written | undefined): Written | undefined =>
  one === undefined || (other !== undefined && other.inputOffset > one.inputOffset) ? other : one;

export async function createStateChangelog(
  { eventLog, writer, codec, giveUp }: ChangelogDeps,
  component: string,
  inputPartition: number,
): Promise<StateChangelog> {
  const partition = inputPartition % (await eventLog.partitions(TOPIC));
  const prefix = `${component}/${VERSION}/${inputPartition}/`;
  const markerKey = `${prefix}/marker`;

  const recordOf = (key: string, value: Partial<DetectorState>): NewRecord => ({
    key,
    partition,
    value: codec.encode({
      detector: component,
      version: VERSION,
      partition: inputPartition,
      key: '',
      inputOffset: -1,
      chunk: 0,
      chunks: 0,
      state: Buffer.alloc(0),
      ...value,
    }),
  });
  const decode = (record: LogRecord): DetectorState | undefined => {
    if (record.value === null || record.key === null || !record.key.startsWith(prefix)) return undefined;
    const decoded = codec.decode(record.value);
    return decoded.ok ? decoded.value : undefined;
  };
  /** A record of ours that cannot be read; the engine itself also answers for those that are nobody's. */
  const isPoison = ({ key, value }: LogRecord): boolean =>
    value !== null &&
    (key?.startsWith(prefix) === true || (component === 'engine' && !OWNED_KEY.test(key ?? '')));
  const slotOf = (record: LogRecord): Slot => (record.key!.split('/').at(-2) === '1' ? 1 : 0);

  return {
    async restore(keepMax) {
      let inputOffset = -1;
      let waiting: readonly string[] = [];
      const found = new Map<string, Found>();
      const recent = createRecentStates(keepMax);
      const unreadable: LogRecord[] = [];
      const take = (record: LogRecord): void => {
        const value = decode(record);
        if (value === undefined) {
          if (isPoison(record) && unreadable.length < UNREADABLE_MAX) unreadable.push(record);
          return;
        }
        if (record.key === markerKey) {
          inputOffset = value.inputOffset;
          waiting = JSON.parse(value.state.toString('utf8')) as string[];
          return;
        }
        const slot = slotOf(record);
        const slots = found.get(value.key) ?? [undefined, undefined];
        found.set(value.key, slots);
        const known = slots[slot];
        if (value.chunk === 0) {
          const { chunks } = value;
          const { offset: firstOffset } = record;
          slots[slot] = { slot, inputOffset: value.inputOffset, firstOffset, chunks, missing: chunks - 1 };
          recent.put(value.key, slots[slot], value.state);
        } else if (known?.inputOffset === value.inputOffset) known.missing -= 1;
        else slots[slot] = undefined;
      };
      await readThrough(eventLog, partition, take);
      for (const record of unreadable) await giveUp?.(record, 'it is no state of a detector');
      const states = new Map<string, StoredState>();
      for (const [key, [one, two]] of found) {
        const best = newer(complete(one, inputOffset), complete(two, inputOffset));
        if (best === undefined) continue;
        const bytes = recent.get(key, best);
        states.set(key, bytes === undefined ? best : { ...best, bytes });
      }
      return { inputOffset, states, waiting };
    },
    endOffset: async () => (await eventLog.endOffsets(TOPIC))[partition]!,
    async untouchedSince(offset) {
      let untouched = true;
      const take = (record: LogRecord): boolean => {
        if (record.key?.startsWith(prefix) === true) untouched = false;
        return !untouched;
      };
      await readThrough(eventLog, partition, take, offset);
      return untouched;
    },
    async write(states, inputOffset) {
      const records: NewRecord[] = [];
      const places = states.map(({ key, slot, bytes }) => {
        if (bytes.length > STATE_BYTES_MAX)
          throw detectorsError('DETECTORS_STATE_TOO_LARGE', {
            key,
            bytes: bytes.length,
            bytesMax: STATE_BYTES_MAX,
          });
        const chunks = Math.max(1, Math.ceil(bytes.length / CHUNK_BYTES));
        const at = records.length;
        for (let chunk = 0; chunk < chunks; chunk += 1) {
          const state = bytes.subarray(chunk * CHUNK_BYTES, (chunk + 1) * CHUNK_BYTES);
          records.push(
            recordOf(`${prefix}${key}/${slot}/${chunk}`, { key, inputOffset, chunk, chunks, state }),
          );
        }
        return { slot, at, chunks };
      });
      const positions = records.length === 0 ? [] : await writer.append(TOPIC, records);
      return places.map(({ slot, at, chunks }) => ({
        slot,
        inputOffset,
        firstOffset: positions[at]!.offset,
        chunks,
      }));
    },
    async mark(inputOffset, waiting) {
      const state = Buffer.from(JSON.stringify(waiting.slice(0, WAITING_KEYS_MAX)));
      await writer.append(TOPIC, [recordOf(markerKey, { inputOffset, state })]);
    },
    async read(key, stored) {
      const pieces: Uint8Array[] = [];
      const take = (record: LogRecord): boolean => {
        const value = decode(record);
        if (value?.key !== key || slotOf(record) !== stored.slot || record.key === markerKey) return false;
        if (value.inputOffset === stored.inputOffset && value.chunk === pieces.length)
          pieces.push(value.state);
        return pieces.length === stored.chunks;
      };
      await readThrough(eventLog, partition, take, stored.firstOffset);
      if (pieces.length !== stored.chunks) throw detectorsError('DETECTORS_STATE_UNREADABLE', { key });
      return Buffer.concat(pieces);
    },
  };
}

/** Reads a partition of the changelog to its end, or until `take` says that it has enough. */
async function readThrough(
  eventLog: EventLog,
  partition: number,
  take: (record: LogRecord) => boolean | void,
  fromOffset?: number,
): Promise<void> {
  let enough = nobody;
  let failed: (error: unknown) => void = nobody;
  const done = new Promise<void>((resolve, reject) => {
    enough = resolve;
    failed = reject;
  });
  done.catch(nobody);
  let ended = false;
  const reader = await eventLog.read({
    topic: TOPIC,
    partition,
    ...(fromOffset === undefined ? {} : { fromOffset }),
    onRecords(records) {
      for (const record of records) {
        if (ended) return;
        if (take(record) === true) {
          ended = true;
          enough();
        }
      }
    },
    onFailure: failed,
  });
  try {
    await Promise.race([done, reader.caughtUp()]);
  } finally {
    ended = true;
    await reader.close();
  }
}
