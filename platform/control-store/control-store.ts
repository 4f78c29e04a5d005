/**
 * Port: the truth about tokens, lockouts, grants, budgets, leases and vault records. Serialisable transactions; what is
 * published in a transaction reaches the event log after its commit, in commit order, at least once (outbox).
 * Adapters: sqlite (one machine), postgres. Conformance: platform/control-store/test/conformance.ts.
 */
export type JsonObject = { readonly [key: string]: JsonField };
export type JsonField = null | boolean | number | string | readonly JsonField[] | JsonObject;

export interface ControlEntry<T extends JsonObject = JsonObject> {
  readonly id: string;
  readonly value: T;
  /** Revision of the transaction that last wrote it. */
  readonly revision: number;
}

export interface ListOptions {
  /** Ids that start so. */
  readonly prefix?: string;
  /** Ids after this one. */
  readonly after?: string;
  /** 1 to 10,000. */
  readonly limit: number;
}

export interface ControlTransaction {
  /** Revision that this transaction will have if it commits with writes: one more than the last. */
  readonly revision: number;
  get<T extends JsonObject>(collection: string, id: string): Promise<ControlEntry<T> | undefined>;
  /** Entries in the order of their ids (byte order of UTF-8). */
  list<T extends JsonObject>(collection: string, options: ListOptions): Promise<ControlEntry<T>[]>;
  put(collection: string, id: string, value: JsonObject): Promise<void>;
  delete(collection: string, id: string): Promise<void>;
  /** Appends to a topic once the transaction has committed. */
  publish(topic: string, key: string, value: Uint8Array | null): Promise<void>;
}

export interface OutboxEntry {
  readonly sequence: number;
  readonly topic: string;
  readonly key: string;
  readonly value: Uint8Array | null;
}

export interface TransactOptions {
  /**
   * False: a power cut may take it back (a kill -9 never does), so it waits for no disk. For what means nothing without the process
   * that wrote it, as a lease. Default true.
   */
  readonly flush?: boolean;
}

/** Who of the processes on this store has died, as far as the store knows: it is told by the end of a connection. */
export interface Presence {
  /** Of this process. */
  readonly id: string;
  /** True: that process has left the store, or has lost its way to it just now. False: it lives, or nobody knows yet. */
  isGone(id: string): Promise<boolean>;
}

export interface ControlStore {
  /** Absent where one process alone has the store. */
  readonly presence?: Presence;
  /**
   * Runs `work` as one serialisable transaction and commits when it resolves; a rejection rolls back and is passed on.
   * `work` may be run again on a conflict: it must have no other effects. Resolves when durable.
   */
  transact<R>(work: (transaction: ControlTransaction) => Promise<R>, options?: TransactOptions): Promise<R>;
  /** Reads outside a transaction. */
  get<T extends JsonObject>(collection: string, id: string): Promise<ControlEntry<T> | undefined>;
  list<T extends JsonObject>(collection: string, options: ListOptions): Promise<ControlEntry<T>[]>;
  /** Revision of the last committed transaction with writes. */
  revision(): Promise<number>;
  /** Oldest entries that have not been acknowledged, in commit order. */
  outbox(limit: number): Promise<OutboxEntry[]>;
  /** Entries up to this sequence are in the log. */
  acknowledgeOutbox(sequence: number): Promise<void>;
  /** Calls back soon after any commit that published (also another process's, within a second). Returns how to stop. */
  onPublished(callback: () => void): () => void;
  close(): Promise<void>;
}
