import type { EventLog, LogRecord } from '../event-log/event-log.ts';

/** Reads a partition from an offset to what is its end now, or until `take` says that it has enough. Rejects where reading fails. */
export async function readThrough(
  eventLog: EventLog,
  from: { readonly topic: string; readonly partition: number; readonly fromOffset?: number },
  take: (record: LogRecord) => boolean,
): Promise<void> {
  let ended = false;
  let enough: () => void;
  let fail: (error: unknown) => void;
  const done = new Promise<void>((resolve, reject) => {
    enough = resolve;
    fail = reject;
  });
  const reader = await eventLog.read({
    ...from,
    onRecords(records) {
      for (const record of records) {
        if (ended) return;
        if (!take(record)) continue;
        ended = true;
        enough();
      }
    },
    onFailure: (error) => fail(error),
  });
  try {
    await Promise.race([done, reader.caughtUp()]);
  } finally {
    ended = true;
    // Nobody may wait for it any more.
    done.catch(() => undefined);
    await reader.close();
  }
}
