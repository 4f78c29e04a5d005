/**
 * What stands between an event and the event log: entries are the operating system's (or the disk's) before a command goes on,
 * and reach the log in order, at least once, one batch in flight. After a crash what the log may lack is sent again.
 */
import type { Clock, Timer } from '../../platform/clock/clock.ts';
import type { Disk } from '../../platform/disk/disk.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Metrics } from '../../platform/metrics/metrics.ts';
import type { GatewayConfig } from '../../schemas/config/gateway.ts';
import { recordingError } from './errors.ts';
import { encodeEntry, type SpoolEntry } from './spool-frame.ts';
import {
  createPlaceFile,
  openSegment,
  openSegments,
  readEntries,
  type Segment,
  type SegmentPlace,
} from './spool-segments.ts';

export interface EventPosition {
  readonly partition: number;
  readonly offset: number;
}

export type Appended =
  /** `durable` is there where something must be waited for; it resolves with what went wrong, if so. */
  | { readonly ok: true; readonly durable: Promise<CountersignError | undefined> | undefined }
  | { readonly ok: false; readonly error: CountersignError };

export interface AppendOptions {
  /** May use the reserve above the bound: ends of sessions, checkpoints. */
  readonly essential?: boolean;
  /** May wait in memory for a few milliseconds, or until the next entry that may not; they are written together. */
  readonly lazy?: boolean;
  /** Called once the log has it. */
  readonly onDrained?: (position: EventPosition) => void;
}

/** An entry on its way to the log. */
export interface Pending {
  readonly entry: SpoolEntry;
  readonly ordinal: number;
  readonly end: SegmentPlace;
}

export interface Spool {
  append(entry: SpoolEntry, options?: AppendOptions): Appended;
  /** Called before a new file is begun: what earlier files alone knew must be saved now. */
  onRotate(callback: () => void): void;
  /** Every entry that is still in the files, oldest first, also those that the log has. For recovery, before anything is appended. */
  scan(onEntry: (entry: SpoolEntry) => void): void;
  /** Next entries for the log, in order; empty where it has all. */
  take(recordsMax: number, bytesMax: number): readonly Pending[];
  /**
   * With durability power: resolves when all that was appended survives a power cut. The log must not know what the spool could
   * forget: chains would fork. Else at once.
   */
  sync(): Promise<void>;
  /** The log has these, which `take` gave last, at these positions. */
  drained(batch: readonly Pending[], positions: readonly EventPosition[]): void;
  /** Calls back after an append that found nothing waiting, and after each whose caller waits for the log (`urgent`). */
  onAppended(callback: (urgent: boolean) => void): void;
  /** Bytes that the log does not have yet. */
  pendingBytes(): number;
  /** Writes what is buffered (durability async) and closes the files. */
  close(): void;
}

/** Entries kept in memory so that draining need not read them back. */
const WINDOW_BYTES_MAX = 16 * 1024 * 1024;
const ASYNC_FLUSH_MS = 10;
const LAZY_FLUSH_MS = 5;
const BUFFER_FULL_BYTES = 64 * 1024;
/** While the disk takes nothing. */
const BUFFERED_BYTES_MAX = 1024 * 1024;
const RESERVE_SHARE = 0.1;
/** The gauge follows in steps of this much: an append must not cost more than it does. */
const GAUGE_STEP_BYTES = 16 * 1024;

/** Entries are mostly made one behind the other in one slab: then they are joined without a copy. */
function joined(pieces: readonly Buffer[]): Buffer {
  const [first] = pieces;
  let end = first!.byteOffset;
  for (const piece of pieces) {
    if (piece.buffer !== first!.buffer || piece.byteOffset !== end) return Buffer.concat(pieces);
    end += piece.byteLength;
  }
  return Buffer.from(first!.buffer, first!.byteOffset, end - first!.byteOffset);
}

export interface SpoolDeps {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}
export type SpoolConfig = Pick<
  GatewayConfig,
  'durability' | 'spoolFolder' | 'spoolBytesMax' | 'spoolSegmentBytes'
>;

/** Opens the spool and what an earlier process left in it; a torn last entry is cut off. */
export function createSpool({ disk, clock, log, metrics }: SpoolDeps, config: SpoolConfig): Spool {
  const folder = config.spoolFolder;
  const gauge = metrics.gauge(
    'countersign_spool_pending_bytes',
    'Bytes that the event log does not have yet.',
  );
  const failures = metrics.counter(
    'countersign_spool_refused_total',
    'Events that the spool could not take.',
  );
  disk.makeFolder(folder);
  const placeFile = createPlaceFile(disk, `${folder}/drained`);
  const segments: Segment[] = openSegments(disk, folder);
  let place = placeFile.read();
  const rotateCallbacks: (() => void)[] = [];
  let appendedCallback: (urgent: boolean) => void = () => undefined;
  const callbacks = new Map<number, (position: EventPosition) => void>();

  const setAside = (segment: Segment, position: number): void => {
    const error = recordingError('SPOOL_CORRUPT', { file: segment.path, position });
    log.error({ error }, 'a file of the spool is damaged');
    disk.rename(segment.path, `${segment.path}.corrupt`);
    segment.bytes = position;
  };
  const walk = (segment: Segment, from: number, onEntry: (entry: SpoolEntry, next: number) => void): void => {
    for (let at = from; at < segment.bytes;) {
      const read = readEntries(segment, at);
      for (const { entry, next } of read.entries) onEntry(entry, next);
      if (read.damagedAt !== undefined) {
        if (segment === segments.at(-1)) {
          // The process died in the middle of its last write.
          segment.file.truncate(read.damagedAt);
          segment.bytes = read.damagedAt;
        } else setAside(segment, read.damagedAt);
        return;
      }
      at = read.next;
    }
  };
  for (const segment of segments) walk(segment, 0, () => undefined);
  // What a killed process left may still be the operating system's only; chains that go on from it need it on the disk.
  if (config.durability === 'power') for (const segment of segments) segment.file.flushSync();
  const after = (number: number): Segment[] => segments.filter((segment) => segment.number >= number);
  let pending = after(place.segment).reduce(
    (sum, segment) =>
      sum + segment.bytes - (segment.number === place.segment ? Math.min(place.offset, segment.bytes) : 0),
    0,
  );
  // Always a new file: what an earlier process wrote is never appended to.
  let active = openSegment(disk, folder, Math.max(place.segment, segments.at(-1)?.number ?? 0) + 1);
  segments.push(active);
  if (config.durability === 'power') disk.syncFolder(folder);

  let shown = pending;
  gauge.set(shown);
  const show = (stepBytes: number): void => {
    if (Math.abs(pending - shown) < stepBytes) return;
    shown = pending;
    gauge.set(shown);
  };

  let appendOrdinal = 0;
  const window: Pending[] = [];
  let windowBytes = 0;
  /** Where reading back goes on while the window does not hold everything. */
  let readBack: SegmentPlace | undefined = pending > 0 ? place : undefined;
  let unordered = 0;
  let buffered: Buffer[] = [];
  let bufferedBytes = 0;
  let lost: CountersignError | undefined;
  let lazyTimer: Timer | undefined;

  const rotate = (): void => {
    // First: what is saved of the chains' heads must not outlive the events themselves.
    if (config.durability === 'power') active.file.flushSync();
    for (const callback of rotateCallbacks) callback();
    active = openSegment(disk, folder, active.number + 1);
    segments.push(active);
    if (config.durability === 'power') disk.syncFolder(folder);
  };
  /** Writes what is buffered and then `more`, at once; on a failure it throws, and what was buffered still is. */
  const append = (more?: Buffer): void => {
    if (buffered.length === 0) {
      if (more !== undefined) active.file.append(more);
      return;
    }
    active.file.append(joined(more === undefined ? buffered : [...buffered, more]));
    buffered = [];
    bufferedBytes = 0;
  };
  const writeOut = (): void => {
    lazyTimer?.cancel();
    lazyTimer = undefined;
    if (buffered.length === 0) return;
    try {
      append();
      lost = undefined;
    } catch (cause) {
      const error = recordingError('SPOOL_FAILED', { reason: (cause as Error).message }, cause);
      if (lost === undefined) log.error({ error }, 'the spool could not write buffered events; trying again');
      lost = error;
      retryLazily();
    }
  };
  const retryLazily = (): void => {
    lazyTimer ??= clock.after(LAZY_FLUSH_MS, writeOut, { background: true });
  };
  const timer = config.durability === 'async' ? clock.every(ASYNC_FLUSH_MS, writeOut) : undefined;

  const refuse = (error: CountersignError): Appended => {
    failures.add();
    return { ok: false, error };
  };
  const write = (frame: Buffer, lazy: boolean): CountersignError | undefined => {
    try {
      if (active.bytes > 0 && active.bytes + frame.length > config.spoolSegmentBytes) {
        append();
        rotate();
      }
      if (config.durability !== 'async' && !lazy) append(frame);
      else {
        if (lost !== undefined && (!lazy || bufferedBytes + frame.length > BUFFERED_BYTES_MAX)) return lost;
        buffered.push(frame);
        bufferedBytes += frame.length;
        if (bufferedBytes >= BUFFER_FULL_BYTES) writeOut();
        else if (config.durability !== 'async') retryLazily();
      }
      return undefined;
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code === 'ENOSPC' || code === 'EDQUOT') return recordingError('SPOOL_FULL', {}, cause);
      return recordingError('SPOOL_FAILED', { reason: message }, cause);
    }
  };
  const remember = (entry: SpoolEntry, frameBytes: number): void => {
    const end = { segment: active.number, offset: active.bytes };
    if (readBack !== undefined || windowBytes + frameBytes > WINDOW_BYTES_MAX) {
      readBack ??= { segment: end.segment, offset: end.offset - frameBytes };
      unordered += 1;
      return;
    }
    window.push({ entry, ordinal: appendOrdinal, end });
    windowBytes += entry.value.length;
  };
  /** Fills the window from the files. */
  const refill = (): void => {
    writeOut();
    while (readBack !== undefined && windowBytes < WINDOW_BYTES_MAX / 4) {
      const at: SegmentPlace = readBack;
      const segment = segments.find((candidate) => candidate.number >= at.segment);
      const offset = segment?.number === at.segment ? at.offset : 0;
      if (segment === undefined || (segment === active && offset >= segment.bytes)) {
        readBack = undefined;
        unordered = 0;
        return;
      }
      if (offset >= segment.bytes) {
        readBack = { segment: segment.number + 1, offset: 0 };
        continue;
      }
      const read = readEntries(segment, offset);
      for (const { entry, next } of read.entries) {
        // Ordinals of this process's entries are the last `unordered` ones; earlier entries have nobody waiting.
        const own = segment.number >= firstOwn && unordered > 0;
        const ordinal = own ? appendOrdinal - unordered + 1 : -1;
        if (own) unordered -= 1;
        window.push({ entry, ordinal, end: { segment: segment.number, offset: next } });
        windowBytes += entry.value.length;
      }
      if (read.damagedAt !== undefined) setAside(segment, read.damagedAt);
      readBack = {
        segment: segment.number,
        offset: read.damagedAt === undefined ? read.next : segment.bytes,
      };
    }
  };
  const firstOwn = active.number;

  return {
    append(entry, options = {}) {
      const frame = encodeEntry(entry);
      const bound = config.spoolBytesMax * (options.essential === true ? 1 + RESERVE_SHARE : 1);
      if (pending + frame.length > bound) return refuse(recordingError('SPOOL_FULL'));
      const failure = write(frame, options.lazy === true);
      if (failure !== undefined) return refuse(failure);
      const idle = pending === 0;
      active.bytes += frame.length;
      pending += frame.length;
      appendOrdinal += 1;
      if (options.onDrained !== undefined) callbacks.set(appendOrdinal, options.onDrained);
      remember(entry, frame.length);
      const urgent = options.onDrained !== undefined;
      show(GAUGE_STEP_BYTES);
      if (idle || urgent) appendedCallback(urgent);
      if (config.durability !== 'power' || options.lazy === true) return { ok: true, durable: undefined };
      const durable = active.file.flush().then(
        () => undefined,
        (cause: Error) => recordingError('SPOOL_FAILED', { reason: cause.message }, cause),
      );
      return { ok: true, durable };
    },
    onRotate: (callback) => void rotateCallbacks.push(callback),
    scan(onEntry) {
      for (const segment of segments) if (segment !== active) walk(segment, 0, (entry) => onEntry(entry));
    },
    take(recordsMax, bytesMax) {
      // The log must not know what the files do not (durability async): after a crash chains would fork.
      writeOut();
      if (buffered.length > 0) return [];
      if (window.length === 0) refill();
      let bytes = 0;
      let count = 0;
      while (count < Math.min(window.length, recordsMax)) {
        bytes += window[count]!.entry.value.length;
        if (count > 0 && bytes > bytesMax) break;
        count += 1;
      }
      return window.slice(0, count);
    },
    sync() {
      writeOut();
      return config.durability === 'power' ? active.file.flush() : Promise.resolve();
    },
    drained(batch, positions) {
      window.splice(0, batch.length);
      for (const { entry } of batch) windowBytes -= entry.value.length;
      const last = batch.at(-1);
      if (last === undefined) return;
      place = last.end;
      pending = after(place.segment).reduce(
        (sum, segment) =>
          sum +
          (segment.number === place.segment ? Math.max(0, segment.bytes - place.offset) : segment.bytes),
        0,
      );
      show(1);
      try {
        placeFile.write(place);
      } catch (error) {
        // Only costs duplicates after a crash.
        log.warn({ error }, 'the place that the spool is drained to could not be saved');
      }
      while (segments[0] !== active && segments[0]!.number < place.segment) {
        const done = segments.shift()!;
        done.file.close();
        disk.remove(done.path);
      }
      batch.forEach(({ ordinal }, index) => {
        const callback = callbacks.get(ordinal);
        callbacks.delete(ordinal);
        callback?.(positions[index]!);
      });
    },
    onAppended(callback) {
      appendedCallback = callback;
    },
    pendingBytes: () => pending,
    close() {
      timer?.cancel();
      writeOut();
      lazyTimer?.cancel();
      if (buffered.length > 0) log.error({ bytes: bufferedBytes }, 'the spool lost buffered events');
      for (const segment of segments) segment.file.close();
    },
  };
}
