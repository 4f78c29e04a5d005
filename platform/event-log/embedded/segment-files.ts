import type { Disk, DiskFile } from '../../disk/disk.ts';
import type { Segment } from './segment.ts';

/** Closed segments of a partition that stay open for reading when nobody reads them. */
const IDLE_OPEN_MAX = 4;

/** Opens segment files, and closes them only when nobody uses them any more. */
export interface SegmentFiles {
  /** Runs `work` with the segment's file, which stays open until it is done, also when the segment is dropped meanwhile. */
  use<T>(segment: Segment, work: (file: DiskFile) => Promise<T>): Promise<T>;
  /** Keeps the file open until `release`: for the segment that is appended to. */
  hold(segment: Segment): DiskFile;
  release(segment: Segment): void;
  /** Marks the segment as gone. */
  drop(segment: Segment): void;
  /** For the end: closes all. */
  closeAll(): void;
}

export function createSegmentFiles(disk: Disk): SegmentFiles {
  const users = new Map<Segment, number>();
  const idle = new Set<Segment>();
  const close = (segment: Segment): void => {
    idle.delete(segment);
    segment.open?.close();
    segment.open = undefined;
  };
  const hold = (segment: Segment): DiskFile => {
    segment.open ??= disk.open(segment.path);
    idle.delete(segment);
    users.set(segment, (users.get(segment) ?? 0) + 1);
    return segment.open;
  };
  const release = (segment: Segment): void => {
    const left = (users.get(segment) ?? 1) - 1;
    if (left > 0) {
      users.set(segment, left);
      return;
    }
    users.delete(segment);
    if (segment.removed) {
      close(segment);
      return;
    }
    idle.add(segment);
    const [oldest] = idle;
    if (idle.size > IDLE_OPEN_MAX && oldest !== undefined) close(oldest);
  };
  return {
    async use(segment, work) {
      const file = hold(segment);
      try {
        return await work(file);
      } finally {
        release(segment);
      }
    },
    hold,
    release,
    drop(segment) {
      segment.removed = true;
      if (!users.has(segment)) close(segment);
    },
    closeAll() {
      for (const segment of users.keys()) close(segment);
      idle.forEach(close);
      users.clear();
    },
  };
}
