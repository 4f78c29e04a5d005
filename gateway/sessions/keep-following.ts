/** Keeps readers of a topic running: when one fails, all are opened anew after a while. */
import type { Clock } from '../../platform/clock/clock.ts';
import type { Reader } from '../../platform/event-log/event-log.ts';
import type { Logger } from '../../platform/log/log.ts';

const RETRY_MS = 500;

/** The first opening must succeed. `open` calls back when a reader has failed. */
export async function keepFollowing(
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  open: (onFailure: (error: unknown) => void) => Promise<Reader[]>,
): Promise<{ close(): Promise<void> }> {
  const stopping = new AbortController();
  let readers: Reader[] = [];
  let reopening: Promise<void> | undefined;

  const closeAll = async (): Promise<void> => {
    const closing = readers;
    readers = [];
    await Promise.allSettled(closing.map((reader) => reader.close()));
  };
  const reopen = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await clock.sleep(RETRY_MS, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) return;
      await closeAll();
      try {
        readers = await open(onFailure);
        return;
      } catch (error) {
        log.warn({ error }, 'a topic cannot be followed; trying again');
      }
    }
  };
  function onFailure(error: unknown): void {
    log.warn({ error }, 'following a topic has stopped; trying again');
    reopening ??= reopen().finally(() => {
      reopening = undefined;
    });
  }
  readers = await open(onFailure);
  return {
    async close() {
      stopping.abort();
      await reopening;
      await closeAll();
    },
  };
}
