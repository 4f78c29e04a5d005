import type { LogRecord } from '../event-log.ts';

/** The newest records of a partition in memory, so that consumers that keep up never touch the disk. Bounded by bytes. */
export interface Tail {
  push(record: LogRecord, bytes: number): void;
  /** Records from `offset` on, below `end`; undefined where the tail does not reach back that far. */
  from(offset: number, end: number, recordsMax: number): LogRecord[] | undefined;
}

export function createTail(bytesMax: number): Tail {
  /** Stands where a record was let go, so that its bytes are free at once. */
  const GONE: LogRecord = {
    topic: '',
    partition: 0,
    offset: 0,
    timestamp: 0,
    key: null,
    value: null,
    headers: {},
  };
  let records: LogRecord[] = [];
  let sizes: number[] = [];
  let head = 0;
  let held = 0;
  const trim = (): void => {
    while (held > bytesMax && head < records.length) {
      held -= sizes[head]!;
      records[head] = GONE;
      head += 1;
    }
    if (head > 1024 && head * 2 > records.length) {
      records = records.slice(head);
      sizes = sizes.slice(head);
      head = 0;
    }
  };
  return {
    push(record, bytes) {
      records.push(record);
      sizes.push(bytes);
      held += bytes;
      trim();
    },
    from(offset, end, recordsMax) {
      const first = records[head]?.offset;
      // Offsets in the tail have no gaps: it only holds what this process appended.
      if (first === undefined || offset < first) return undefined;
      const start = head + (offset - first);
      return records.slice(start, Math.min(start + recordsMax, head + (end - first)));
    },
  };
}
