import type { Disk, DiskFile } from '../../disk/disk.ts';
import type { Segment } from './segment.ts';

/** Closed segments of a partition that are open for reading at once. */
const OPEN_MAX = 4;

/** Opens segments for reading and keeps the last few open. */
export interface SegmentFiles {
  file(segment: Segment): DiskFile;
  /** Marks the segment as gone and closes its file. */
  drop(segment: Segment): void;
  closeAll(): void;
}

export function createSegmentFiles(disk: Disk): SegmentFiles {
  const recent = new Set<Segment>();
  const close = (segment: Segment): void => {
    recent.delete(segment);
    segment.open?.close();
    segment.open = undefined;
  };
  return {
    file(segment) {
      recent.delete(segment);
      recent.add(segment);
      segment.open ??= disk.open(segment.path);
      if (recent.size > OPEN_MAX) {
        const oldest = recent.values().next().value;
        if (oldest !== undefined) close(oldest);
      }
      return segment.open;
    },
    drop(segment) {
      segment.removed = true;
      close(segment);
    },
    closeAll() {
      recent.forEach(close);
    },
  };
}
