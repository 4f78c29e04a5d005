import type { Clock } from '../../platform/clock/clock.ts';
import type { LogWriter } from '../../platform/event-log/event-log.ts';
import type { Codec } from '../../schemas/codec.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { Detection, Spoken, Verdict } from '../../schemas/types.ts';

/** What the detectors said since the last verdict, and up to where they have passed the partition. */
export interface SpokenVerdicts {
  /** Takes note of detections of one event that are in the log. */
  note(detections: readonly Detection[]): void;
  /** Sets where passing begins, without a verdict. */
  startAt(offset: number): void;
  /** Publishes that everything up to `offset` is passed, with what was said; nothing where nothing is new. */
  pass(offset: number, key: string | null): Promise<void>;
}

export function createSpokenVerdicts(
  deps: { readonly writer: LogWriter; readonly codec: Codec<Verdict>; readonly clock: Clock },
  partition: number,
): SpokenVerdicts {
  let spoken: Spoken[] = [];
  let passedOffset = -1;
  return {
    note(detections) {
      const { eventId } = detections[0]!;
      const ids = detections.map(({ detectionId }) => detectionId);
      const before = spoken.find((one) => one.eventId === eventId);
      if (before === undefined) spoken.push({ eventId, detectionIds: ids });
      else before.detectionIds.push(...ids);
    },
    startAt(offset) {
      passedOffset = offset;
    },
    async pass(offset, key) {
      if (offset <= passedOffset && spoken.length === 0) return;
      const said = spoken;
      spoken = [];
      passedOffset = Math.max(passedOffset, offset);
      const body = { kind: 'passed' as const, partition, offset: passedOffset, spoken: said };
      await deps.writer.append(TOPICS.verdicts.name, [
        { key, value: deps.codec.encode({ time: deps.clock.now(), body }) },
      ]);
    },
  };
}

/** For streams that nothing waits for. */
export const NO_VERDICTS: SpokenVerdicts = {
  note: () => undefined,
  startAt: () => undefined,
  pass: async () => undefined,
};
