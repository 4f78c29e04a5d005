import type { Clock } from '../../clock/clock.ts';
import type { ControlStore } from '../control-store.ts';
import { createInProcessControlStore } from '../sqlite/sqlite-control-store.ts';

/** A store without a file, whose transactions may take as long as a test likes. */
export const createMemoryStore = (clock: Clock): ControlStore =>
  createInProcessControlStore(
    { clock },
    {
      file: ':memory:',
      transactionTimeoutMs: 1e9,
      transactionsWaitingMax: 2000,
      foreignPollMs: 0,
      busyTimeoutMs: 0,
      outboxEntriesMax: 10_000,
    },
  );
