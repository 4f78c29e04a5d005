import type { Clock } from '../../clock/clock.ts';
import type { Disk, DiskFile } from '../../disk/disk.ts';
import type { EventLogConfig } from '../../../schemas/config/event-log.ts';
import { eventLogError } from '../errors.ts';
import type { LogRecord, TopicOptions } from '../event-log.ts';
import { encodeFrames, FRAME_HEADER_BYTES } from '../frame.ts';
import { diskError } from './disk-error.ts';
import { readFromDisk } from './disk-reading.ts';
import { recoverSegment } from './recovery.ts';
import { createSegmentFiles, type SegmentFiles } from './segment-files.ts';
import type { Damage, SegmentReaderDeps } from './segment-reader.ts';
import { createSegment, findSegments, noteIndex, type Segment } from './segment.ts';
import { createTail } from './tail.ts';

export interface PartitionDeps {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly salt: number;
  readonly config: EventLogConfig;
  onDamage(segment: Segment, damage: Damage): void;
  onTorn(segment: Segment, tornBytes: number): void;
}

export type RecordContent = Pick<LogRecord, 'key' | 'value' | 'headers'>;

/** A place of reading; made with an offset, the rest is the partition's own memory. */
export interface Cursor {
  offset: number;
  segment?: Segment | undefined;
  position?: number;
}

export interface Partition {
  readonly topic: string;
  readonly partition: number;
  readonly folder: string;
  /** First offset that may still be there. */
  startOffset(): number;
  /** The offset after the last record that readers may see. */
  endOffset(): number;
  /** Appends in order. Returns the first offset at once (readers see the records when `durable` is done). */
  append(records: readonly RecordContent[]): {
    readonly first: number;
    readonly durable: Promise<void> | undefined;
  };
  /** The next records at the cursor, which moves on; empty at the end. From memory at once, else from the disk. */
  read(cursor: Cursor, recordsMax: number): LogRecord[] | Promise<LogRecord[]>;
  /** Calls back after each append that readers can see. */
  listen(callback: () => void): () => void;
  /** For retention and compaction. */
  readonly upkeep: PartitionUpkeep;
  close(): void;
}

export interface PartitionUpkeep {
  readonly files: SegmentFiles;
  readonly readerDeps: SegmentReaderDeps;
  /** In order; the last one is being appended to. */
  segments(): readonly Segment[];
  /** Closes the active segment and begins another. */
  roll(): void;
  removeOldest(): void;
  /** Puts `replacement` in the place of `replaced`, whose files are removed. */
  replace(replaced: readonly Segment[], replacement: Segment): void;
}

/** Largest frame that a log with this record bound may hold; a greater length is damage. */
const frameBytesMax = (config: EventLogConfig): number =>
  Math.max(config.recordBytesMax * 2, 64 * 1024 * 1024);

export function createPartition(
  deps: PartitionDeps,
  topic: TopicOptions,
  partition: number,
  folder: string,
): Partition {
  const { disk, clock, config, salt } = deps;
  const segmentBytesMax =
    topic.cleanup === 'compact' ? config.compactedSegmentBytesMax : config.segmentBytesMax;
  const readerDeps: SegmentReaderDeps = {
    topic: topic.name,
    partition,
    salt,
    frameBytesMax: frameBytesMax(config),
    readBytesMax: config.readBytesMax,
    onDamage: deps.onDamage,
  };
  const files = createSegmentFiles(disk);
  const tail = createTail(config.tailBytesMax);
  const listeners = new Set<() => void>();
  let failed: string | undefined;
  disk.makeFolder(folder);
  let segments = findSegments(disk, folder);
  let active: Segment;
  let file: DiskFile;

  const begin = (base: number): void => {
    const segment = createSegment(folder, base, base, false);
    const opened = files.hold(segment);
    try {
      disk.syncFolder(folder);
    } catch (error) {
      // An empty file left here would hide what the segment before it goes on to hold.
      files.drop(segment);
      files.release(segment);
      disk.remove(segment.path);
      throw error;
    }
    file = opened;
    active = segment;
    segments = [...segments, segment];
  };
  const last = segments.at(-1);
  if (last === undefined || last.compacted) begin(last?.end ?? 0);
  else {
    active = last;
    file = files.hold(last);
    const recovered = recoverSegment(last, file, { frameBytesMax: readerDeps.frameBytesMax, salt });
    if (recovered.tornBytes > 0) deps.onTorn(last, recovered.tornBytes);
    for (const damage of recovered.damage) deps.onDamage(last, damage);
    // Readers may see it from now on, so a power cut must not take it back.
    if (config.flush === 'power') file.flushSync();
  }
  let nextOffset = active!.end;
  let visible = nextOffset;

  const roll = (): void => {
    if (config.flush === 'power') file.flushSync();
    const old = active;
    begin(nextOffset);
    files.release(old);
  };
  const source = { deps: readerDeps, files, segments: () => segments, endOffset: () => visible };
  const show = (end: number): void => {
    if (end <= visible) return;
    visible = end;
    for (const listener of listeners) listener();
  };
  const makeDurable = async (target: DiskFile, end: number): Promise<void> => {
    try {
      await target.flush();
    } catch (error) {
      failed = (error as NodeJS.ErrnoException).code ?? 'flush failed';
      throw diskError(error, topic.name);
    }
    show(end);
  };
  return {
    topic: topic.name,
    partition,
    folder,
    startOffset: () => segments[0]!.base,
    endOffset: () => visible,
    append(records) {
      if (failed !== undefined)
        throw eventLogError('EVENT_LOG_DISK_FAILED', { topic: topic.name, reason: failed });
      const timestamp = Math.max(0, Math.floor(clock.now()));
      const first = nextOffset;
      const contents: (LogRecord & { value: Uint8Array | null })[] = records.map((record, index) => ({
        topic: topic.name,
        partition,
        offset: first + index,
        timestamp,
        key: record.key,
        value: record.value,
        headers: record.headers,
      }));
      const { bytes, starts } = encodeFrames(contents, salt);
      try {
        if (active.bytes > 0 && active.bytes + bytes.length > segmentBytesMax) roll();
        file.append(bytes);
      } catch (error) {
        throw diskError(error, topic.name);
      }
      for (let index = 0; index < contents.length; index += 1) {
        const content = contents[index]!;
        const start = starts[index]!;
        const end = starts[index + 1] ?? bytes.length;
        noteIndex(active, content.offset, active.bytes + start);
        // The caller may use its buffer again; ours stays.
        if (content.value !== null) content.value = bytes.subarray(end - content.value.byteLength, end);
        tail.push(content, end - start + FRAME_HEADER_BYTES);
      }
      active.oldestMs ??= timestamp;
      active.newestMs = Math.max(active.newestMs ?? 0, timestamp);
      active.bytes += bytes.length;
      nextOffset += contents.length;
      active.end = nextOffset;
      if (config.flush === 'power') return { first, durable: makeDurable(file, nextOffset) };
      show(nextOffset);
      return { first, durable: undefined };
    },
    read(cursor, recordsMax) {
      if (cursor.offset < segments[0]!.base) cursor.offset = segments[0]!.base;
      if (cursor.offset >= visible) return [];
      const held = tail.from(cursor.offset, visible, recordsMax);
      if (held === undefined) return readFromDisk(source, cursor, recordsMax);
      cursor.offset += held.length;
      cursor.segment = undefined;
      return held;
    },
    listen(callback) {
      listeners.add(callback);
      return () => void listeners.delete(callback);
    },
    upkeep: {
      files,
      readerDeps,
      segments: () => segments,
      roll,
      removeOldest() {
        const [oldest, ...rest] = segments;
        if (oldest === undefined || rest.length === 0) return;
        segments = rest;
        files.drop(oldest);
        disk.remove(oldest.path);
      },
      replace(replaced, replacement) {
        const at = segments.indexOf(replaced[0]!);
        segments = [...segments.slice(0, at), replacement, ...segments.slice(at + replaced.length)];
        for (const segment of replaced) {
          files.drop(segment);
          if (segment.path !== replacement.path) disk.remove(segment.path);
        }
      },
    },
    close() {
      listeners.clear();
      files.closeAll();
    },
  };
}
