/** What a database must offer, so that `createDrivenControlStore` makes a control store of it. All promises reject with a CountersignError. */
import type { ListOptions, OutboxEntry } from './control-store.ts';
import type { PublishedRecord, StoredEntry, StoredWrite } from './overlay-transaction.ts';

export interface ControlDriver {
  get(collection: string, id: string): Promise<StoredEntry | undefined>;
  list(collection: string, options: ListOptions): Promise<StoredEntry[]>;
  revision(): Promise<number>;
  /** All or nothing; `committed: false` where `baseRevision` is no longer the last. */
  commit(
    baseRevision: number,
    writes: readonly StoredWrite[],
    published: readonly PublishedRecord[],
    /** False: need not survive a power cut. */
    flush: boolean,
  ): Promise<{ committed: true; revision: number } | { committed: false }>;
  outbox(limit: number): Promise<OutboxEntry[]>;
  acknowledgeOutbox(sequence: number): Promise<void>;
  /** Grows with each published entry, also by other processes. */
  lastPublished(): Promise<number>;
  close(): Promise<void>;
}
