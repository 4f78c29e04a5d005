/** Reads detections, hands them on in their order, and commits what is done. The next one does not wait for slow steps. */
import { TOPICS } from '../../schemas/topics.ts';
import type { Assignment, BatchControl, Consumer, LogRecord } from '../../platform/event-log/event-log.ts';
import type { RespondersDependencies } from '../dependencies.ts';
import type { DetectionHandler } from './detection-handler.ts';
import { createOffsetWatermark, type OffsetWatermark } from './offset-watermark.ts';
import { createWorkGate } from './work-gate.ts';

const GROUP = 'countersign-responders';
const BATCH_RECORDS_MAX = 500;

/**
 * A call that contains is written to its connection in the next tick, which comes after all that promises have to do: without this an attack's
 * first detection would wait for the work on all the others.
 */
const sent = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

export interface DetectionConsumer {
  lag(): Promise<number>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  pause(): void;
  close(): Promise<void>;
}

export async function consumeDetections(
  deps: Pick<RespondersDependencies, 'eventLog' | 'codecs' | 'deadLetters' | 'log' | 'metrics' | 'clock'>,
  handler: DetectionHandler,
  /** Kept up to date: the partitions that this responder has. */
  assigned: Set<number>,
  options: { readonly runsMax: number },
  hooks: { onAssigned(): Promise<void>; onFailure(error: unknown): void },
): Promise<DetectionConsumer> {
  const { eventLog, codecs, deadLetters, clock } = deps;
  const topic = TOPICS.detections.name;
  const watermarks = new Map<number, OffsetWatermark>();
  const gate = createWorkGate(options.runsMax);
  let failure: { readonly error: unknown } | undefined;
  const decidedMs = deps.metrics.histogram(
    'countersign_responder_decided_ms',
    'From the delivery of a detection to its verdict in the log, milliseconds.',
    [0.5, 1, 2, 5, 10, 25, 50, 100, 500, 2500, 10_000],
  );
  const fail = (error: unknown): void => {
    if (failure !== undefined) return;
    failure = { error };
    hooks.onFailure(error);
  };

  const settle = async (
    record: LogRecord,
    watermark: OffsetWatermark,
    control: BatchControl,
  ): Promise<void> => {
    const reached = watermark.end(record.offset);
    // A partition that went to another member is that member's to commit.
    if (reached === undefined || watermarks.get(record.partition) !== watermark) return;
    await control.commit({ topic, partition: record.partition, offset: reached });
  };
  const work = async (
    record: LogRecord,
    watermark: OffsetWatermark,
    control: BatchControl,
  ): Promise<void> => {
    const startedUs = clock.monotonicUs();
    const decoded = record.value === null ? undefined : codecs.detection.decode(record.value);
    if (decoded?.ok === false)
      await deadLetters.give(record, 'responders', 'RESPONDERS_RECORD_UNREADABLE', decoded.reason);
    if (decoded?.ok === true) {
      const handling = handler.handle(decoded.value);
      const [finished] = await Promise.all([
        handling.finished,
        handling.decided.then(() => decidedMs.observe((clock.monotonicUs() - startedUs) / 1000)),
      ]);
      // Not finished: the responder stops, and the detection comes again.
      if (!finished) return;
    }
    await settle(record, watermark, control);
  };

  const watermarkOf = (partition: number): OffsetWatermark => {
    const known = watermarks.get(partition) ?? createOffsetWatermark();
    watermarks.set(partition, known);
    return known;
  };
  const forget = (partitions: Assignment): void => {
    for (const { partition } of partitions) {
      assigned.delete(partition);
      watermarks.delete(partition);
    }
  };
  const consumer: Consumer = await eventLog.consume({
    group: GROUP,
    topics: [topic],
    startAt: 'earliest',
    batchRecordsMax: BATCH_RECORDS_MAX,
    commit: 'manual',
    async onBatch(records, control) {
      for (const record of records) {
        if (failure !== undefined) throw failure.error;
        await gate.enter();
        const watermark = watermarkOf(record.partition);
        watermark.begin(record.offset);
        work(record, watermark, control)
          .catch(fail)
          .finally(() => gate.leave());
        await sent();
      }
    },
    async onAssigned(partitions) {
      for (const { partition } of partitions) assigned.add(partition);
      await hooks.onAssigned();
    },
    async onRevoked(partitions) {
      // Steps under way end first: the next owner finds their ends in the log.
      await gate.idle();
      forget(partitions);
    },
    onFailure: fail,
  });
  return {
    lag: () => consumer.lag(),
    idle: () => gate.idle(),
    pause: () => consumer.pause(),
    close: () => consumer.close(),
  };
}
