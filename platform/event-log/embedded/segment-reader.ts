import type { DiskFile } from '../../disk/disk.ts';
import type { LogRecord } from '../event-log.ts';
import { checkFrame, decodeFrame, findFrame, frameOffset } from '../frame.ts';
import { noteIndex, type Segment } from './segment.ts';

export interface SegmentReaderDeps {
  readonly topic: string;
  readonly partition: number;
  readonly salt: number;
  readonly frameBytesMax: number;
  readonly readBytesMax: number;
  /** A damaged place was met for the first time: its bytes and the offsets that cannot be read, end exclusive. */
  onDamage(segment: Segment, place: Damage): void;
}

export interface Damage {
  readonly fromByte: number;
  readonly toByte: number;
  readonly fromOffset: number;
  readonly toOffset: number;
}

export interface SegmentRead {
  readonly records: LogRecord[];
  /** Where reading goes on in the file. */
  readonly position: number;
  /** First offset not covered yet. */
  readonly offset: number;
}

export interface ReadFrom {
  readonly position: number;
  /** The least offset that the record at `position` can have. */
  readonly expected: number;
  readonly offset: number;
  readonly offsetMax: number;
  readonly recordsMax: number;
  readonly limit: number;
}

/**
 * Reads up to `recordsMax` records at or after `offset`, from `position` on and below `offsetMax`. Damaged places are skipped and
 * reported; `limit` is how much of the file counts (what is appended meanwhile does not).
 */
export async function readSegment(
  deps: SegmentReaderDeps,
  segment: Segment,
  file: DiskFile,
  from: ReadFrom,
): Promise<SegmentRead> {
  const { limit, offsetMax, recordsMax } = from;
  const records: LogRecord[] = [];
  let { position, offset, expected } = from;
  let chunk = await file.read(position, Math.min(deps.readBytesMax, limit - position));
  let at = 0;
  while (position < limit && records.length < recordsMax) {
    const skipTo = segment.damage.get(position);
    const check = skipTo === undefined ? checkFrame(chunk, at, deps.frameBytesMax, deps.salt) : undefined;
    if (check?.kind === 'whole') {
      const found = frameOffset(chunk, at);
      if (found >= offsetMax) {
        // All that may be seen has been passed; what is left of it is gone.
        if (records.length === 0) offset = offsetMax;
        break;
      }
      noteIndex(segment, found, position);
      expected = found + 1;
      if (found >= offset) {
        records.push(decodeFrame(chunk, at, deps.topic, deps.partition));
        offset = found + 1;
      }
      at += check.bytes;
      position += check.bytes;
      continue;
    }
    if (records.length > 0) return { records, position, offset };
    if (check?.kind === 'partial' && position + check.bytes <= limit) {
      chunk = await file.read(position, Math.max(check.bytes, Math.min(deps.readBytesMax, limit - position)));
      at = 0;
      if (chunk.length >= check.bytes) continue;
    }
    position = skipTo ?? (await skipDamage(deps, segment, file, { ...from, position, expected }));
    if (position >= limit) break;
    chunk = await file.read(position, Math.min(deps.readBytesMax, limit - position));
    at = 0;
  }
  // At the end of the file: offsets up to the segment's end are gone (compacted away or damaged).
  if (position >= limit && records.length < recordsMax)
    offset = Math.max(offset, Math.min(segment.end, offsetMax));
  return { records, position, offset };
}

/** Finds where reading goes on behind a damaged place, remembers and reports it. */
async function skipDamage(
  deps: SegmentReaderDeps,
  segment: Segment,
  file: DiskFile,
  from: ReadFrom,
): Promise<number> {
  const rest = await file.read(from.position, from.limit - from.position);
  const bounds = {
    offsetMin: from.expected,
    offsetMax: from.offsetMax,
    frameBytesMax: deps.frameBytesMax,
  };
  const found = findFrame(rest, 1, bounds, deps.salt);
  const next = found < 0 ? from.limit : from.position + found;
  if (!segment.damage.has(from.position)) {
    segment.damage.set(from.position, next);
    deps.onDamage(segment, {
      fromByte: from.position,
      toByte: next,
      fromOffset: from.expected,
      toOffset: found < 0 ? Math.min(segment.end, from.offsetMax) : frameOffset(rest, found),
    });
  }
  return next;
}
