import type { LogRecord } from '../event-log.ts';
import type { Cursor } from './partition.ts';
import type { SegmentFiles } from './segment-files.ts';
import { readSegment, type SegmentReaderDeps } from './segment-reader.ts';
import { placeBefore, type Segment } from './segment.ts';

/** The segment that holds the cursor's offset, or the next one where that offset is gone. */
function locate(segments: readonly Segment[], cursor: Cursor): Segment {
  const held = cursor.segment;
  const active = segments.at(-1)!;
  if (held !== undefined && !held.removed && (cursor.offset < held.end || held === active)) return held;
  const at = Math.max(
    0,
    segments.findLastIndex((segment) => segment.base <= cursor.offset),
  );
  const found = segments[at]!;
  return cursor.offset >= found.end && found !== active ? segments[at + 1]! : found;
}

/**
 * Reads the next records at the cursor from segment files, up to the end that readers may see; the cursor moves on, over what was
 * compacted away or is damaged too. Empty at the end.
 */
export async function readFromDisk(
  source: {
    readonly deps: SegmentReaderDeps;
    readonly files: SegmentFiles;
    segments(): readonly Segment[];
    endOffset(): number;
  },
  cursor: Cursor,
  recordsMax: number,
): Promise<LogRecord[]> {
  while (cursor.offset < source.endOffset()) {
    const segment = locate(source.segments(), cursor);
    const place =
      cursor.segment === segment && cursor.position !== undefined
        ? { position: cursor.position, offset: cursor.offset }
        : placeBefore(segment, cursor.offset);
    const from = {
      position: place.position,
      expected: place.offset,
      offset: cursor.offset,
      offsetMax: source.endOffset(),
      recordsMax,
      limit: segment.bytes,
    };
    const read = await source.files.use(segment, (file) => readSegment(source.deps, segment, file, from));
    cursor.segment = segment;
    cursor.offset = read.offset;
    cursor.position = read.position;
    if (read.records.length > 0) return read.records;
    if (read.position < from.limit && !segment.removed) break;
  }
  return [];
}
