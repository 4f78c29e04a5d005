/**
 * Who may write the state of a partition. The name of its writer is the partition's: whoever gets the partition opens it, and so fences
 * whoever had it before, also one that was taken for dead and goes on later.
 */
import { isCountersignError } from '../../platform/errors/errors.ts';
import type { EventLog, LogWriter } from '../../platform/event-log/event-log.ts';
import { detectorsError } from '../errors.ts';

/** Opens the writer of a partition's state; its appends reject with DETECTORS_PARTITION_LOST once another process has it. */
export async function openStateWriter(
  eventLog: Pick<EventLog, 'writer'>,
  component: string,
  partition: number,
): Promise<LogWriter> {
  const writer = await eventLog.writer(`detector-state/${component}/${partition}`);
  return {
    async append(topic, records) {
      try {
        return await writer.append(topic, records);
      } catch (error) {
        if (isCountersignError(error, 'EVENT_LOG_FENCED'))
          throw detectorsError('DETECTORS_PARTITION_LOST', { component, partition }, error);
        throw error;
      }
    },
    close: () => writer.close(),
  };
}

/** The partition is another process's: no failure of ours, and nothing to try again. */
export const isLost = (error: unknown): boolean => isCountersignError(error, 'DETECTORS_PARTITION_LOST');
