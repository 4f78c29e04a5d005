/**
 * What every adapter of the EventLog port promises. An adapter is done when it passes: call `describeEventLog` with a function that
 * opens an empty log. Nothing here sleeps; adapters with real brokers only take longer.
 */
import { describe } from 'node:test';
import type { EventLog } from '../event-log.ts';
import { consumerCases } from './conformance-consumers.ts';
import { groupCases } from './conformance-groups.ts';
import { readerCases } from './conformance-readers.ts';
import { upkeepCases } from './conformance-upkeep.ts';
import { writerCases } from './conformance-writers.ts';

export interface EventLogHarness {
  log: EventLog;
  /** Closes the log as a stopping program does, and opens it again on the same data; `log` is the new one. */
  reopen(): Promise<EventLog>;
  /** Ends everything and removes the data. */
  end(): Promise<void>;
  /** A record over this many bytes is refused. */
  readonly recordBytesMax: number;
  /** Makes retention and compaction happen as if `ms` had passed. Absent where the adapter cannot be made to. */
  upkeep?(ms: number): Promise<void>;
}

export type OpenEventLog = () => Promise<EventLogHarness>;

/** Registers the suite for one adapter. */
export function describeEventLog(name: string, open: OpenEventLog): void {
  describe(`event log: ${name}`, () => {
    writerCases(open);
    readerCases(open);
    consumerCases(open);
    groupCases(open);
    upkeepCases(open);
  });
}
