/** Session events from NDJSON into the log (`countersign event import`), as a stream with bounded memory. */
import type { Codec } from '../../schemas/codec.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { SessionEvent } from '../../schemas/types.ts';
import type { LogWriter, NewRecord } from '../../platform/event-log/event-log.ts';
import { ingestError } from '../errors.ts';
import { sessionEventKey } from './event-key.ts';
import { parseImportLine } from './import-line.ts';
import { splitLines, type Line } from './lines.ts';

export interface ImportDeps {
  readonly writer: LogWriter;
  readonly codec: Codec<SessionEvent>;
  /** The events are the history of this exercise; null: an import like any other. */
  readonly exerciseId?: string | null;
  /** Told of each line that was not imported, in order. */
  onBadLine(line: BadLine): void;
}

export interface BadLine {
  /** From 1. */
  readonly line: number;
  readonly reason: string;
  /** The same as an error of the catalogue, for people. */
  readonly error: Error;
}

export interface ImportCounts {
  readonly imported: number;
  readonly bad: number;
  /** Empty lines. */
  readonly skipped: number;
}

/** A record has at most 256 KiB of text in base64 and names; no honest line is longer. */
const LINE_BYTES_MAX = 1024 * 1024;
const BATCH_RECORDS_MAX = 500;
const BATCH_BYTES_MAX = 4 * 1024 * 1024;

interface Batch {
  topic: string;
  records: NewRecord[];
  bytes: number;
}

/**
 * Imports the good lines of `source` (bytes of NDJSON) and reports the bad ones. Resolves when all are durable in the log;
 * rejects with the log's error, and then importing the same file again is harmless.
 */
export async function importEvents(
  source: AsyncIterable<Uint8Array>,
  deps: ImportDeps,
): Promise<ImportCounts> {
  const { writer, codec } = deps;
  const counts = { imported: 0, bad: 0, skipped: 0 };
  const batches: Batch[] = [TOPICS.sessionEvents.name, TOPICS.sessionData.name].map((topic) => ({
    topic,
    records: [],
    bytes: 0,
  }));

  const flush = async (batch: Batch): Promise<void> => {
    if (batch.records.length === 0) return;
    await writer.append(batch.topic, batch.records);
    counts.imported += batch.records.length;
    batch.records = [];
    batch.bytes = 0;
  };
  const bad = (line: number, reason: string): void => {
    counts.bad += 1;
    deps.onBadLine({ line, reason, error: ingestError('IMPORT_LINE_INVALID', { line, reason }) });
  };
  const add = async (event: SessionEvent): Promise<void> => {
    // As a gateway does: pieces of streams go to a topic of their own, keyed by session.
    const isData = event.body.kind === 'data' && event.session !== null;
    const batch = batches[isData ? 1 : 0]!;
    const value = codec.encode(event);
    batch.records.push({ key: isData ? event.session!.id : sessionEventKey(event), value });
    batch.bytes += value.length;
    if (batch.records.length >= BATCH_RECORDS_MAX || batch.bytes >= BATCH_BYTES_MAX) await flush(batch);
  };
  const takeLine = async (line: Line): Promise<void> => {
    if ('tooLong' in line) return bad(line.number, `longer than ${LINE_BYTES_MAX} bytes`);
    if (line.text.trim() === '') {
      counts.skipped += 1;
      return;
    }
    const parsed = parseImportLine(codec, line.text, line.number, deps.exerciseId ?? null);
    if (parsed.ok) await add(parsed.event);
    else bad(line.number, parsed.reason);
  };

  for await (const line of splitLines(source, LINE_BYTES_MAX)) await takeLine(line);
  for (const batch of batches) await flush(batch);
  return counts;
}
