/** NDJSON that follows a topic. Who reads too slowly is cut off: memory has a bound. */
import { PassThrough } from 'node:stream';
import type { Codec } from '../../../schemas/codec.ts';
import type { EventLog, LogRecord, Reader } from '../../../platform/event-log/event-log.ts';
import type { Logger } from '../../../platform/log/log.ts';

export interface TailOptions {
  readonly topic: string;
  readonly bytesMax: number;
}

/** Streams the records of a topic from now on that `wanted` lets through, as their JSON form. */
export async function tailTopic<T>(
  { eventLog, log }: { readonly eventLog: EventLog; readonly log: Logger },
  options: TailOptions,
  codec: Codec<T>,
  wanted: (value: T) => boolean,
): Promise<PassThrough> {
  const out = new PassThrough();
  const onRecords = (records: readonly LogRecord[]): void => {
    for (const record of records) {
      if (record.value === null || out.destroyed) continue;
      const decoded = codec.decode(record.value);
      if (!decoded.ok || !wanted(decoded.value)) continue;
      out.write(`${JSON.stringify(codec.toJson(decoded.value))}\n`);
      if (out.writableLength + out.readableLength > options.bytesMax) {
        log.warn({ topic: options.topic }, 'a reader of an event stream is too slow and was cut off');
        out.destroy();
      }
    }
  };
  const ends = await eventLog.endOffsets(options.topic);
  const readers: Reader[] = [];
  const onFailure = (error: unknown): void => {
    log.warn({ error }, 'an event stream has ended on an error');
    out.destroy();
  };
  out.once('close', () => {
    for (const reader of readers) reader.close().catch(() => undefined);
  });
  for (const [partition, fromOffset] of ends.entries())
    readers.push(await eventLog.read({ topic: options.topic, partition, fromOffset, onRecords, onFailure }));
  // Who went away while the readers were opened has been told before they were there to be closed.
  if (out.destroyed) for (const reader of readers) await reader.close();
  return out;
}
