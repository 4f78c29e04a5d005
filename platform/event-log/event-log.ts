/**
 * Port: the ordered, partitioned, durable log under every topic. Order is promised per partition only. Delivery is at least
 * once; whoever consumes dedupes. Adapters: embedded (segments on one machine), remote (the embedded log of another thread),
 * kafka. Conformance: platform/event-log/test/conformance.ts.
 */

/** Where a record stands. Offsets grow by at least one per record of a partition and are never reused. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface NewRecord {
  /** Records of one key stay in order in one partition; null spreads them. */
  readonly key: string | null;
  /** null is a tombstone: compaction forgets the key. */
  readonly value: Uint8Array | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Overrides the partition that the key would give. */
  readonly partition?: number;
}

export interface LogRecord extends Position {
  readonly key: string | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  /** When the log took it, milliseconds since the epoch. */
  readonly timestamp: number;
}

export interface TopicOptions {
  readonly name: string;
  readonly partitions: number;
  readonly cleanup: 'delete' | 'compact';
  /** How long records are kept (cleanup delete). */
  readonly retentionMs?: number;
  /** How many bytes a partition may hold before its oldest segments go (cleanup delete). */
  readonly retentionBytes?: number;
}

export interface AppendOptions {
  /**
   * Waits for a log that is away as long as it takes, so that it need not be sent again, which may double what has gone out already: it fails
   * only for what lasts. For who has the records on disk and nothing else to do. Default false.
   */
  readonly patient?: boolean;
}

/** A writer whose name can be taken over: opening it again fences the earlier one, whose appends then fail with EVENT_LOG_FENCED. */
export interface LogWriter {
  /**
   * Appends in the order given; resolves when all are durable as the log promises. Records of one call may land in several
   * partitions and are not atomic: after a failure some may be there, and sending all again may double them.
   */
  append(topic: string, records: readonly NewRecord[], options?: AppendOptions): Promise<Position[]>;
  close(): Promise<void>;
}

export type Assignment = readonly { readonly topic: string; readonly partition: number }[];

export interface ConsumerOptions {
  /** Members of one group share the partitions. */
  readonly group: string;
  readonly topics: readonly string[];
  /** Where a partition without committed offset starts. */
  readonly startAt: 'earliest' | 'latest';
  /** At most so many records per call of `onBatch`. */
  readonly batchRecordsMax: number;
  /**
   * Records of one partition, in order; never called twice at once for the same partition. With `commit: after-batch` the
   * offset is committed once it resolves. A rejection stops the consumer before the commit and is passed to `onFailure`.
   */
  onBatch(records: readonly LogRecord[], control: BatchControl): Promise<void>;
  readonly commit: 'after-batch' | 'manual';
  /** Awaited before the first batch of these partitions: restore state here; may seek. */
  onAssigned?(partitions: Assignment, control: AssignmentControl): Promise<void>;
  /** Awaited before another member gets these partitions; batches under way have ended. */
  onRevoked?(partitions: Assignment): Promise<void>;
  /** The consumer has stopped on an error. */
  onFailure(error: unknown): void;
}

export interface AssignmentControl {
  /** The next record delivered from this partition is the first at or after `offset`. */
  seek(topic: string, partition: number, offset: number): void;
}

export interface BatchControl {
  /** With `commit: manual`: records up to and including this position are done. */
  commit(position: Position): Promise<void>;
}

export interface Consumer {
  /** Stops delivery on all partitions until resumed; the group keeps its assignment. */
  pause(): void;
  resume(): void;
  /** Records between the committed offset and the end, over the assigned partitions. */
  lag(): Promise<number>;
  /** Ends after the batch under way; resolves when it has left the group. */
  close(): Promise<void>;
}

export interface ReadOptions {
  readonly topic: string;
  /** All partitions where absent. */
  readonly partition?: number;
  /** First offset to read; the start of the partition where absent. With `partition` only. */
  readonly fromOffset?: number;
  /** Called with records of one partition in order. The next call waits for it. */
  onRecords(records: readonly LogRecord[]): void | Promise<void>;
  /** Called once when all that was in the log at the call of `read` has been delivered (at once for an empty topic). */
  onCaughtUp?(): void;
  onFailure(error: unknown): void;
}

/** A running read without a group: follows the topic until closed. */
export interface Reader {
  /** Resolves when everything up to the end offsets at the time of the call has been delivered. */
  caughtUp(): Promise<void>;
  close(): Promise<void>;
}

export interface EventLog {
  /** Creates absent topics; on an existing one with fewer partitions or another cleanup fails with EVENT_LOG_TOPIC_MISMATCH. */
  ensureTopics(topics: readonly TopicOptions[]): Promise<void>;
  writer(name: string): Promise<LogWriter>;
  consume(options: ConsumerOptions): Promise<Consumer>;
  read(options: ReadOptions): Promise<Reader>;
  /** For each partition the offset that the next record will get. */
  endOffsets(topic: string): Promise<number[]>;
  partitions(topic: string): Promise<number>;
  /** Partition that a key goes to; the same in every process. */
  partitionOf(topic: string, key: string): Promise<number>;
  close(): Promise<void>;
}
