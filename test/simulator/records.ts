/** What stands in the log at the end of a run. */
import { TOPICS } from '../../schemas/topics.ts';
import { createCodec } from '../../schemas/codec.ts';
import type { EventLog, LogRecord } from '../../platform/event-log/event-log.ts';
import type { Detection, ResponseStep, SessionEvent, Verdict } from '../../schemas/types.ts';

export const sessionCodec = createCodec('session-event');
const codecs = {
  detection: createCodec('detection'),
  response: createCodec('response'),
  verdict: createCodec('verdict'),
};

export interface StoredEvent {
  readonly event: SessionEvent;
  readonly framed: Buffer;
}

export interface Records {
  /** As they stand, with what came twice. */
  readonly sessionRecords: readonly LogRecord[];
  /** Each event once, in the order of the gateways' numbers. */
  readonly events: readonly StoredEvent[];
  readonly detections: readonly Detection[];
  readonly responses: readonly ResponseStep[];
  readonly verdicts: readonly Verdict[];
}

async function recordsOf(log: EventLog, topic: string): Promise<LogRecord[]> {
  const found: LogRecord[] = [];
  const reader = await log.read({
    topic,
    onRecords: (records) => void found.push(...records),
    onFailure(error) {
      throw error;
    },
  });
  await reader.caughtUp();
  await reader.close();
  return found.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

function must<T>(read: { ok: true; value: T } | { ok: false; reason: string }): T {
  if (!read.ok) throw new Error(read.reason);
  return read.value;
}

export async function detectionsIn(log: EventLog): Promise<Detection[]> {
  const records = await recordsOf(log, TOPICS.detections.name);
  return records.map(({ value }) => must(codecs.detection.decode(value!)));
}

export async function readRecords(log: EventLog): Promise<Records> {
  const sessionRecords = await recordsOf(log, TOPICS.sessionEvents.name);
  const byId = new Map<string, StoredEvent>();
  for (const { value } of sessionRecords) {
    const event = must(sessionCodec.decode(value!));
    if (!byId.has(event.eventId)) byId.set(event.eventId, { event, framed: Buffer.from(value!) });
  }
  const events = [...byId.values()].sort(
    ({ event: { gateway: a } }, { event: { gateway: b } }) =>
      (a.id < b.id ? -1 : a.id > b.id ? 1 : 0) || a.epoch - b.epoch || a.sequence - b.sequence,
  );
  const responses = await recordsOf(log, TOPICS.responses.name);
  const verdicts = await recordsOf(log, TOPICS.verdicts.name);
  return {
    sessionRecords,
    events,
    detections: await detectionsIn(log),
    responses: responses.map(({ value }) => must(codecs.response.decode(value!))),
    verdicts: verdicts.map(({ value }) => must(codecs.verdict.decode(value!))),
  };
}
