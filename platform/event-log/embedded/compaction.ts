import type { Disk } from '../../disk/disk.ts';
import type { EventLogConfig } from '../../../schemas/config/event-log.ts';
import type { LogRecord } from '../event-log.ts';
import { encodeFrames } from '../frame.ts';
import type { Partition } from './partition.ts';
import { readSegment } from './segment-reader.ts';
import { createSegment, noteIndex, type Segment } from './segment.ts';

export interface CompactionDeps {
  readonly disk: Disk;
  readonly config: EventLogConfig;
  readonly salt: number;
  /** True once the log is closing: give up without a trace. */
  stopped(): boolean;
}

/** True when enough of the closed segments is not compacted yet, or a tombstone that was kept is due to go. */
export function needsCompaction(partition: Partition, config: EventLogConfig, nowMs: number): boolean {
  const closed = partition.upkeep.segments().slice(0, -1);
  const due = (segment: Segment): boolean =>
    segment.tombstoneMs !== undefined && segment.tombstoneMs + config.tombstoneRetentionMs < nowMs;
  if (closed.some(due)) return true;
  const dirty = closed.reduce((sum, segment) => sum + (segment.compacted ? 0 : segment.bytes), 0);
  const total = closed.reduce((sum, segment) => sum + segment.bytes, 0);
  return dirty > 0 && dirty >= total * config.compactionDirtyRatio;
}

async function* recordsOf(partition: Partition, segment: Segment): AsyncGenerator<LogRecord[]> {
  const { files, readerDeps } = partition.upkeep;
  for (let position = 0; position < segment.bytes;) {
    const from = {
      position,
      expected: segment.base,
      offset: segment.base,
      offsetMax: segment.end,
      recordsMax: Number.MAX_SAFE_INTEGER,
      limit: segment.bytes,
    };
    const read = await files.use(segment, (file) => readSegment(readerDeps, segment, file, from));
    if (read.records.length > 0) yield read.records;
    if (read.position <= position) break;
    position = read.position;
  }
}

/** Offset of the last record of each key over the closed segments; keys past the bound are absent and stay as they are. */
async function lastOffsets(
  partition: Partition,
  closed: readonly Segment[],
  deps: CompactionDeps,
): Promise<Map<string, number>> {
  const last = new Map<string, number>();
  for (const segment of closed) {
    for await (const records of recordsOf(partition, segment)) {
      if (deps.stopped()) return last;
      for (const record of records) {
        if (record.key === null) continue;
        if (last.has(record.key) || last.size < deps.config.compactionKeysMax)
          last.set(record.key, record.offset);
      }
    }
  }
  return last;
}

/**
 * Rewrites the closed segments, keeping of each key the last record, at its offset. Always from the first segment on, so that a
 * tombstone older than `tombstoneRetentionMs` has nothing left to hide and can go. The new file takes its place by one rename;
 * a crash leaves either the old files or the new one (findSegments clears up the rest). Returns the bytes saved.
 */
export async function compactPartition(
  partition: Partition,
  deps: CompactionDeps,
  nowMs: number,
): Promise<number> {
  const { disk, config } = deps;
  const { upkeep } = partition;
  const closed = upkeep.segments().slice(0, -1);
  const active = upkeep.segments().at(-1)!;
  const last = await lastOffsets(partition, closed, deps);
  const keeps = (record: LogRecord): boolean => {
    if (record.key === null) return true;
    const newest = last.get(record.key);
    if (newest === undefined) return true;
    if (newest !== record.offset) return false;
    return record.value !== null || record.timestamp + config.tombstoneRetentionMs >= nowMs;
  };
  let saved = 0;
  for (let index = 0; index < closed.length;) {
    const sources: Segment[] = [];
    const base = closed[index]!.base;
    const temporary = `${partition.folder}/${base}.compacting`;
    disk.remove(temporary);
    const target = disk.open(temporary);
    const marks: [offset: number, position: number][] = [];
    let newest: number | undefined;
    let tombstone: number | undefined;
    try {
      while (
        index < closed.length &&
        (sources.length === 0 || target.size() < config.compactedSegmentBytesMax / 2)
      ) {
        const segment = closed[index]!;
        for await (const records of recordsOf(partition, segment)) {
          if (deps.stopped()) return saved;
          const kept = records.filter(keeps);
          if (kept.length === 0) continue;
          const { bytes, starts } = encodeFrames(kept, deps.salt);
          const before = target.size();
          await target.appendAll([bytes]);
          for (const [at, record] of kept.entries()) {
            marks.push([record.offset, before + starts[at]!]);
            newest = Math.max(newest ?? 0, record.timestamp);
            if (record.value === null) tombstone = Math.min(tombstone ?? record.timestamp, record.timestamp);
          }
        }
        sources.push(segment);
        index += 1;
      }
      if (deps.stopped()) return saved;
      await target.flush();
    } finally {
      target.close();
    }
    if (deps.stopped()) return saved;
    const end = closed[index]?.base ?? active.base;
    const replacement = createSegment(partition.folder, base, end, true);
    replacement.bytes = target.size();
    replacement.newestMs = newest;
    replacement.tombstoneMs = tombstone;
    for (const [offset, position] of marks) noteIndex(replacement, offset, position);
    disk.rename(temporary, replacement.path);
    disk.syncFolder(partition.folder);
    saved += sources.reduce((sum, segment) => sum + segment.bytes, 0) - replacement.bytes;
    upkeep.replace(sources, replacement);
  }
  return saved;
}
