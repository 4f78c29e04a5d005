import type { DiskFile } from '../../disk/disk.ts';
import { checkFrame, findFrame, frameOffset, frameTimestamp } from '../frame.ts';
import { noteIndex, type Segment } from './segment.ts';
import type { Damage } from './segment-reader.ts';

export interface Recovered {
  /** Bytes of a torn tail that were cut off. */
  readonly tornBytes: number;
  readonly damage: readonly Damage[];
}

/**
 * Reads the active segment after a start: sets its end, cuts off a torn tail (nothing in it was acknowledged), and isolates damage
 * that whole records follow. Frames cannot be forged by a record's bytes (the salt), so what follows is ours.
 */
export function recoverSegment(
  segment: Segment,
  file: DiskFile,
  bounds: { readonly frameBytesMax: number; readonly salt: number },
): Recovered {
  const damage: Damage[] = [];
  const bytes = file.readSync(0, file.size());
  let at = 0;
  let end = segment.base;
  while (at < bytes.length) {
    const check = checkFrame(bytes, at, bounds.frameBytesMax, bounds.salt);
    if (check.kind === 'whole') {
      const offset = frameOffset(bytes, at);
      const timestamp = frameTimestamp(bytes, at);
      noteIndex(segment, offset, at);
      segment.oldestMs ??= timestamp;
      segment.newestMs = Math.max(segment.newestMs ?? 0, timestamp);
      end = offset + 1;
      at += check.bytes;
      continue;
    }
    const next = findFrame(
      bytes,
      at + 1,
      { offsetMin: end, offsetMax: Number.MAX_SAFE_INTEGER, frameBytesMax: bounds.frameBytesMax },
      bounds.salt,
    );
    if (next < 0) break;
    segment.damage.set(at, next);
    damage.push({ fromByte: at, toByte: next, fromOffset: end, toOffset: frameOffset(bytes, next) });
    at = next;
  }
  const tornBytes = bytes.length - at;
  if (tornBytes > 0) file.truncate(at);
  segment.bytes = at;
  segment.end = end;
  return { tornBytes, damage };
}
