/**
 * A segment: the records of one partition from `base` on, in one file. `BASE.log` as appended; `BASE-END.log` as compaction made
 * it, standing for all offsets in [BASE, END). Base and end are 16 decimal digits, so names sort by offset.
 */
import { join } from 'node:path';
import type { Disk, DiskFile } from '../../disk/disk.ts';

/** Offsets are remembered at about this distance in the file, so that a seek scans no more than that. */
const INDEX_EVERY_BYTES = 256 * 1024;
const DIGITS = 16;

export interface Segment {
  readonly base: number;
  /** First offset after the segment; grows while it is the active one. */
  end: number;
  readonly path: string;
  bytes: number;
  /** Made by compaction. */
  readonly compacted: boolean;
  /** Replaced or deleted; whoever holds it looks its offset up again. */
  removed: boolean;
  /** When its newest record was taken, once known. */
  newestMs: number | undefined;
  oldestMs: number | undefined;
  /** When the oldest tombstone that compaction kept was taken; it is due some time after. */
  tombstoneMs: number | undefined;
  /** Sparse pairs of offset and position, growing. */
  readonly index: { offsets: number[]; positions: number[] };
  /** Damaged places found so far: where each begins and where reading goes on. */
  readonly damage: Map<number, number>;
  open: DiskFile | undefined;
}

const digits = (offset: number): string => String(offset).padStart(DIGITS, '0');

export function createSegment(folder: string, base: number, end: number, compacted: boolean): Segment {
  const name = compacted ? `${digits(base)}-${digits(end)}.log` : `${digits(base)}.log`;
  return {
    base,
    end,
    path: join(folder, name),
    bytes: 0,
    compacted,
    removed: false,
    newestMs: undefined,
    oldestMs: undefined,
    tombstoneMs: undefined,
    index: { offsets: [], positions: [] },
    damage: new Map(),
    open: undefined,
  };
}

/** Remembers where an offset stands, if the last remembered place is far enough back. */
export function noteIndex(segment: Segment, offset: number, position: number): void {
  const { offsets, positions } = segment.index;
  const last = positions.at(-1);
  if (last !== undefined && position < last + INDEX_EVERY_BYTES) return;
  offsets.push(offset);
  positions.push(position);
}

/** A place in the file at or before `offset`, and the offset that it has at least. */
export function placeBefore(segment: Segment, offset: number): { position: number; offset: number } {
  const { offsets, positions } = segment.index;
  let low = 0;
  let high = offsets.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (offsets[middle]! <= offset) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return { position: 0, offset: segment.base };
  return { position: positions[low - 1]!, offset: offsets[low - 1]! };
}

interface Found {
  name: string;
  base: number;
  end: number | undefined;
}

/**
 * The segments of a partition, in order, after a crash too: left-over temporary files are removed, and so are segments that a
 * compacted one stands for (the rename was the commit; the removals behind it may be missing).
 */
export function findSegments(disk: Disk, folder: string): Segment[] {
  const found: Found[] = [];
  for (const name of disk.list(folder)) {
    const match = /^(\d{16})(?:-(\d{16}))?\.log$/.exec(name);
    if (match === null) {
      if (name.endsWith('.compacting')) disk.remove(join(folder, name));
      continue;
    }
    found.push({ name, base: Number(match[1]), end: match[2] === undefined ? undefined : Number(match[2]) });
  }
  const covered = (one: Found): boolean =>
    found.some(
      (other) =>
        other !== one &&
        other.end !== undefined &&
        other.base <= one.base &&
        one.base < other.end &&
        (one.end === undefined || one.end < other.end || one.base > other.base),
    );
  const kept: Found[] = [];
  for (const one of found) {
    if (covered(one)) disk.remove(join(folder, one.name));
    else kept.push(one);
  }
  kept.sort((a, b) => a.base - b.base);
  return kept.map((one, index) => {
    const end = one.end ?? kept[index + 1]?.base ?? one.base;
    const segment = createSegment(folder, one.base, end, one.end !== undefined);
    const file = disk.open(segment.path);
    segment.bytes = file.size();
    file.close();
    return segment;
  });
}
