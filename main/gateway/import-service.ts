/** Imports through the control API: into the log, and on request until the detectors have passed it. */
import type { ControlApiServices } from '../../gateway/control-api/services.ts';
import { importEvents } from '../../ingest/sources/ndjson.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import type { EventLog } from '../../platform/event-log/event-log.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Codec } from '../../schemas/codec.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { SessionEvent, Verdict } from '../../schemas/types.ts';

const PROBLEMS_MAX = 100;
const POLL_MS = 20;

export interface ImportServiceDeps {
  readonly eventLog: EventLog;
  readonly clock: Clock;
  readonly log: Logger;
  readonly codec: Codec<SessionEvent>;
  readonly verdicts: Codec<Verdict>;
}

export interface ImportService {
  readonly importEvents: ControlApiServices['importEvents'];
  close(): Promise<void>;
}

export async function createImportService(
  deps: ImportServiceDeps,
  gatewayId: string,
): Promise<ImportService> {
  const { eventLog, clock, log, codec, verdicts } = deps;
  const topic = TOPICS.sessionEvents.name;
  const writer = await eventLog.writer(`import/${gatewayId}`);
  /** Offset up to which the detectors have said that they passed a partition, inclusive. */
  const passed = new Map<number, number>();
  const ends = await eventLog.endOffsets(TOPICS.verdicts.name);
  const readers = await Promise.all(
    ends.map((fromOffset, partition) =>
      eventLog.read({
        topic: TOPICS.verdicts.name,
        partition,
        fromOffset,
        onRecords(records) {
          for (const { value } of records) {
            const read = value === null ? undefined : verdicts.decode(value);
            if (read?.ok !== true || read.value.body.kind !== 'passed') continue;
            const { partition: of, offset } = read.value.body;
            passed.set(of, Math.max(offset, passed.get(of) ?? -1));
          }
        },
        onFailure: (error) => log.error({ error }, 'imports cannot follow the verdicts'),
      }),
    ),
  );
  return {
    async importEvents(source, { exerciseId, waitDetected }) {
      const problems: { line: number; reason: string }[] = [];
      const before = await eventLog.endOffsets(topic);
      const counts = await importEvents(source, {
        writer,
        codec,
        exerciseId,
        onBadLine({ line, reason }) {
          if (problems.length < PROBLEMS_MAX) problems.push({ line, reason });
        },
      });
      if (waitDetected) {
        const after = await eventLog.endOffsets(topic);
        const behind = (): boolean =>
          after.some((end, partition) => end > before[partition]! && (passed.get(partition) ?? -1) < end - 1);
        while (behind()) await clock.sleep(POLL_MS);
      }
      return { ...counts, problems };
    },
    async close() {
      await Promise.all(readers.map((reader) => reader.close()));
      await writer.close();
    },
  };
}
