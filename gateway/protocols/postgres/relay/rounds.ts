/**
 * What all sessions do in one turn of the event loop, in stages: everything that has arrived is handled, then everything goes to
 * the sockets, then it is entered (recordings, reports). Side by side, the same code runs on one message after the other, and the
 * kernel's runs for all writes together; session by session, each of them finds the processor's caches cold.
 */
import type { Outlet } from '../wire/outlet.ts';

/** What brings more is handled at once, with what waits before it: so little is kept in a round, and bulk data has its own pace. */
const WAITING_BYTES_MAX = 16 * 1024;

export interface Rounds {
  /** `work` handles what arrived (so many bytes); works are done in their order. They must not throw. */
  take(bytes: number, work: () => void): void;
  /** Writes what was gathered: at the end of the round, or now where none runs. */
  flush(outlet: Outlet): void;
  /** Does what has time until everything is on its way. It must not throw. */
  enter(work: () => void): void;
}

/** `atTurnEnd` calls back when all sockets that are ready now have been read. */
export function createRounds(atTurnEnd: (callback: () => void) => void): Rounds {
  let arrived: (() => void)[] = [];
  let bytesArrived = 0;
  let outlets: Outlet[] = [];
  let entries: (() => void)[] = [];
  let running = false;
  let scheduled = false;

  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    atTurnEnd(() => {
      scheduled = false;
      run();
    });
  };
  const run = (): void => {
    running = true;
    const works = arrived;
    arrived = [];
    bytesArrived = 0;
    let done = 0;
    try {
      for (; done < works.length; done += 1) works[done]!();
    } finally {
      // A bug of one session must not cost the others their messages.
      if (done < works.length) {
        arrived = [...works.slice(done + 1), ...arrived];
        schedule();
      }
      running = false;
      const waiting = outlets;
      outlets = [];
      for (const outlet of waiting) outlet.flush();
      const late = entries;
      entries = [];
      for (const work of late) work();
    }
  };
  return {
    take(bytes, work) {
      arrived.push(work);
      bytesArrived += bytes;
      if (bytes > 0 && bytesArrived > WAITING_BYTES_MAX && !running) run();
      else schedule();
    },
    flush(outlet) {
      if (running) outlets.push(outlet);
      else outlet.flush();
    },
    enter(work) {
      if (running) entries.push(work);
      else work();
    },
  };
}
