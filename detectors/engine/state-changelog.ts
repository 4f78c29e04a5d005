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
import { readThrough } from './read-through.ts';
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
  /** Where the state of a key stands that the marker vouches for. Once per key: then it is forgotten here, since it is known there. */
  takeOut(key: string): StoredState | undefined;
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

/** One object for each of a million keys: what a key wrote last, and what stands in its other slot. */
interface Written extends StoredState {
  missing: number;
  other: Written | undefined;
}

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
      const found = new Map<string, Written>();
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
        const last = found.get(value.key);
        if (value.chunk > 0) {
          const own = last?.slot === slot ? last : last?.other;
          // Of another writing than the first piece: what stands in the slot is not whole.
          if (own !== undefined)
            own.missing = own.inputOffset === value.inputOffset ? own.missing - 1 : Infinity;
          return;
        }
        const written: Written = {
          slot,
          inputOffset: value.inputOffset,
          firstOffset: record.offset,
          chunks: value.chunks,
          missing: value.chunks - 1,
          other: last?.slot === slot ? last.other : last,
        };
        if (last?.other !== undefined && last.slot !== slot) last.other = undefined;
        found.set(value.key, written);
        recent.put(value.key, written, value.state);
      };
      await readThrough(eventLog, { topic: TOPIC, partition }, take);
      for (const record of unreadable) await giveUp?.(record, 'it is no state of a detector');
      return {
        inputOffset,
        waiting,
        takeOut(key) {
          const last = found.get(key);
          found.delete(key);
          const best = newer(complete(last, inputOffset), complete(last?.other, inputOffset));
          if (best === undefined) return undefined;
          const { slot, firstOffset, chunks } = best;
          const place = { slot, inputOffset: best.inputOffset, firstOffset, chunks };
          const bytes = recent.take(key, place);
          return bytes === undefined ? place : { ...place, bytes };
        },
      };
    },
    endOffset: async () => (await eventLog.endOffsets(TOPIC))[partition]!,
    async untouchedSince(offset) {
      let untouched = true;
      const take = (record: LogRecord): boolean => {
        if (record.key?.startsWith(prefix) === true) untouched = false;
        return !untouched;
      };
      await readThrough(eventLog, { topic: TOPIC, partition }, take, offset);
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
      await readThrough(eventLog, { topic: TOPIC, partition }, take, stored.firstOffset);
      if (pieces.length !== stored.chunks) throw detectorsError('DETECTORS_STATE_UNREADABLE', { key });
      return Buffer.concat(pieces);
    },
  };
}
