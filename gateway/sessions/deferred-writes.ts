/** Events that must come but that the spool could not take: written in their order once it can. Until then no request goes on. */
import type { Clock } from '../../platform/clock/clock.ts';
import type { AppendOptions } from '../recording/spool.ts';
import type { EventDraft, EventWriter } from './event-writer.ts';

export interface DeferredWrites {
  /** Writes the event now, or as soon as there is room. */
  write(draft: EventDraft, options?: AppendOptions): void;
  /** True when nothing waits; tries first. */
  flushed(): boolean;
  /** Events given up since the last call. */
  takeLost(): number;
  close(): void;
}

const WAITING_MAX = 50_000;
const RETRY_MS = 100;

export function createDeferredWrites({
  writer,
  clock,
  onWritten,
}: {
  writer: EventWriter;
  clock: Clock;
  onWritten: (draft: EventDraft) => void;
}): DeferredWrites {
  let waiting: { draft: EventDraft; options: AppendOptions }[] = [];
  let lost = 0;
  const flush = (): boolean => {
    let done = 0;
    for (const { draft, options } of waiting) {
      if (!writer.write(draft, options).ok) break;
      onWritten(draft);
      done += 1;
    }
    if (done > 0) waiting = waiting.slice(done);
    return waiting.length === 0;
  };
  const timer = clock.every(RETRY_MS, flush);
  return {
    write(draft, options = {}) {
      if (flush() && writer.write(draft, options).ok) onWritten(draft);
      // Ends of sessions are as many as sessions, which are bounded; the rest gives way to them.
      else if (waiting.length < WAITING_MAX || options.essential === true) waiting.push({ draft, options });
      else lost += 1;
    },
    flushed: flush,
    takeLost() {
      const count = lost;
      lost = 0;
      return count;
    },
    close() {
      flush();
      timer.cancel();
    },
  };
}
