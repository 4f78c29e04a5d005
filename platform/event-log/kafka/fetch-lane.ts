import { createSignal, type Signal } from '../embedded/signal.ts';
import type { LogRecord } from '../event-log.ts';

/** One partition's records on their way from the brokers to whoever reads: fetched ahead up to a bound. */
export interface FetchLane {
  /** Name in Kafka, with the prefix. */
  readonly kafkaTopic: string;
  readonly topic: string;
  readonly partition: number;
  /** Offset that the next fetch asks for. */
  readonly position: number;
  /** Changes with each seek: what was asked for before it is dropped. */
  readonly turn: number;
  /** False while enough is there. */
  readonly hungry: boolean;
  /** All before this offset was taken, or is nothing that is handed out. */
  readonly reached: number;
  seek(offset: number): void;
  /** What a fetch brought. */
  deliver(records: readonly LogRecord[], nextOffset: number): void;
  /** Up to so many records; empty where there are none now. */
  take(recordsMax: number): readonly LogRecord[];
  /** True while something can be taken. */
  readonly filled: boolean;
  /** Takes note of an error that ends the reading; it is met behind what was fetched before it. */
  fail(error: unknown): void;
  readonly error: unknown;
  readonly signal: Signal;
}

/** About what a record holds beside its bytes. */
const RECORD_OVERHEAD_BYTES = 200;
const sizeOf = ({ key, value }: LogRecord): number =>
  RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0);

export function createFetchLane(
  name: { readonly kafkaTopic: string; readonly topic: string; readonly partition: number },
  from: number,
  bytesMax: number,
  signal: Signal = createSignal(),
): FetchLane {
  let position = from;
  let turn = 0;
  let records: readonly LogRecord[] = [];
  let next = 0;
  let bytes = 0;
  let error: unknown;
  return {
    ...name,
    signal,
    get position() {
      return position;
    },
    get turn() {
      return turn;
    },
    get hungry() {
      return bytes < bytesMax && error === undefined;
    },
    get filled() {
      return next < records.length;
    },
    get reached() {
      return records[next]?.offset ?? position;
    },
    get error() {
      return next < records.length ? undefined : error;
    },
    seek(offset) {
      turn += 1;
      position = offset;
      records = [];
      next = 0;
      bytes = 0;
      error = undefined;
    },
    deliver(more, nextOffset) {
      position = nextOffset;
      if (more.length > 0) {
        records = next < records.length ? [...records.slice(next), ...more] : more;
        next = 0;
        for (const record of more) bytes += sizeOf(record);
      }
      signal.notify();
    },
    take(recordsMax) {
      const taken = records.slice(next, next + recordsMax);
      next += taken.length;
      for (const record of taken) bytes -= sizeOf(record);
      if (next >= records.length) {
        records = [];
        next = 0;
      }
      return taken;
    },
    fail(reason) {
      error = reason;
      signal.notify();
    },
  };
}
