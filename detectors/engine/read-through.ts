import type { EventLog, LogRecord } from '../../platform/event-log/event-log.ts';

const nobody = (): void => undefined;

/** Reads a partition to its end, or until `take` says that it has enough. */
export async function readThrough(
  eventLog: Pick<EventLog, 'read'>,
  from: { readonly topic: string; readonly partition: number },
  take: (record: LogRecord) => boolean | void,
  fromOffset?: number,
): Promise<void> {
  let enough = nobody;
  let failed: (error: unknown) => void = nobody;
  const done = new Promise<void>((resolve, reject) => {
    enough = resolve;
    failed = reject;
  });
  done.catch(nobody);
  let ended = false;
  const reader = await eventLog.read({
    ...from,
    ...(fromOffset === undefined ? {} : { fromOffset }),
    onRecords(records) {
      for (const record of records) {
        if (ended) return;
        if (take(record) === true) {
          ended = true;
          enough();
        }
      }
    },
    onFailure: failed,
  });
  try {
    await Promise.race([done, reader.caughtUp()]);
  } finally {
    ended = true;
    await reader.close();
  }
}
