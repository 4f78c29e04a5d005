/** The spool's files: NUMBER.seg, appended in order, removed from the front. */
import type { Disk, DiskFile } from '../../platform/disk/disk.ts';
import { decodeEntry, ENTRY_BYTES_MAX, HEAD_BYTES, type SpoolEntry } from './spool-frame.ts';

export interface Segment {
  readonly number: number;
  readonly path: string;
  readonly file: DiskFile;
  bytes: number;
}

export interface SegmentPlace {
  readonly segment: number;
  readonly offset: number;
}

const READ_BYTES = 256 * 1024;
const nameOf = (number: number): string => `${String(number).padStart(12, '0')}.seg`;

export function openSegment(disk: Disk, folder: string, number: number): Segment {
  const path = `${folder}/${nameOf(number)}`;
  const file = disk.open(path);
  return { number, path, file, bytes: file.size() };
}

/** Opens what an earlier process left, oldest first. */
export function openSegments(disk: Disk, folder: string): Segment[] {
  return disk
    .list(folder)
    .filter((name) => /^\d{12}\.seg$/.test(name))
    .map((name) => openSegment(disk, folder, Number.parseInt(name, 10)));
}

export interface ReadEntry {
  readonly entry: SpoolEntry;
  /** Where the next one starts. */
  readonly next: number;
}

/** Entries from `offset` in at most one read; `damagedAt` where the bytes there are no entry. */
export function readEntries(
  segment: Segment,
  offset: number,
): { entries: ReadEntry[]; next: number; damagedAt?: number } {
  const entries: ReadEntry[] = [];
  let bytes = segment.file.readSync(offset, READ_BYTES);
  let whole = false;
  let at = 0;
  for (;;) {
    const read = decodeEntry(bytes, at);
    if (read.ok) {
      at += read.bytes;
      entries.push({ entry: read.entry, next: offset + at });
      continue;
    }
    const atEnd = offset + bytes.length >= segment.bytes;
    if (read.reason === 'short' && !atEnd && at === 0 && !whole) {
      whole = true;
      bytes = segment.file.readSync(offset, ENTRY_BYTES_MAX + HEAD_BYTES);
      continue;
    }
    const damaged = offset + at < segment.bytes && (read.reason === 'corrupt' || atEnd || at === 0);
    return { entries, next: offset + at, ...(damaged ? { damagedAt: offset + at } : {}) };
  }
}

/** A number pair that survives crashes: the newest whole line of a small file counts. */
export function createPlaceFile(
  disk: Disk,
  path: string,
): { read(): SegmentPlace; write(place: SegmentPlace): void } {
  const LINE_BYTES = 32;
  const FILE_BYTES_MAX = 64 * 1024;
  let file = disk.open(path);
  return {
    read() {
      const size = file.size() - (file.size() % LINE_BYTES);
      for (let at = size - LINE_BYTES; at >= 0; at -= LINE_BYTES) {
        const match = /^(\d{12}) (\d{18})\n$/.exec(file.readSync(at, LINE_BYTES).toString('latin1'));
        if (match !== null) return { segment: Number(match[1]), offset: Number(match[2]) };
      }
      return { segment: 0, offset: 0 };
    },
    write({ segment, offset }) {
      const line = Buffer.from(`${String(segment).padStart(12, '0')} ${String(offset).padStart(18, '0')}\n`);
      if (file.size() >= FILE_BYTES_MAX || file.size() % LINE_BYTES !== 0) {
        const fresh = disk.open(`${path}.new`);
        fresh.truncate(0);
        fresh.append(line);
        disk.rename(`${path}.new`, path);
        file.close();
        file = fresh;
      } else file.append(line);
    },
  };
}
