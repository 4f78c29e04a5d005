import type { TopicOptions } from '../event-log.ts';
import type { Partition } from './partition.ts';
import { readSegment } from './segment-reader.ts';
import type { Segment } from './segment.ts';

/** When the newest record of a closed segment was taken; read once, remembered. Undefined where nothing in it can be read. */
async function newestMs(partition: Partition, segment: Segment): Promise<number | undefined> {
  if (segment.newestMs !== undefined) return segment.newestMs;
  const { files, readerDeps } = partition.upkeep;
  let newest: number | undefined;
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
    if (segment.removed) return undefined;
    for (const record of read.records) newest = Math.max(newest ?? 0, record.timestamp);
    if (read.position <= position) break;
    position = read.position;
  }
  segment.newestMs = newest;
  return newest;
}

/** Removes whole segments that are too old or too many. The active segment stays, but is closed when what it holds is too old. */
export async function enforceRetention(
  partition: Partition,
  topic: TopicOptions,
  nowMs: number,
): Promise<number> {
  const { upkeep } = partition;
  const { retentionMs, retentionBytes } = topic;
  let removed = 0;
  const active = upkeep.segments().at(-1)!;
  if (retentionMs !== undefined && active.oldestMs !== undefined && active.oldestMs + retentionMs < nowMs)
    upkeep.roll();
  if (retentionBytes !== undefined) {
    const total = (): number => upkeep.segments().reduce((sum, segment) => sum + segment.bytes, 0);
    while (upkeep.segments().length > 1 && total() - upkeep.segments()[0]!.bytes >= retentionBytes) {
      upkeep.removeOldest();
      removed += 1;
    }
  }
  while (retentionMs !== undefined && upkeep.segments().length > 1) {
    const oldest = upkeep.segments()[0]!;
    const newest = await newestMs(partition, oldest);
    if (oldest !== upkeep.segments()[0]) continue;
    if (newest !== undefined && newest + retentionMs >= nowMs) break;
    upkeep.removeOldest();
    removed += 1;
  }
  return removed;
}
