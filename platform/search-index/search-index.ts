/**
 * Port: the searchable copy of every topic. A document is flat JSON with ECS field names joined by dots ("event.kind",
 * "user.id"), plus "@timestamp" (milliseconds since the epoch). Adapters: embedded (SQLite in a worker), elasticsearch.
 * Conformance: platform/search-index/test/conformance.ts.
 */
export type FieldValue = string | number | boolean | null | readonly (string | number)[];
export interface IndexDocument {
  readonly '@timestamp': number;
  readonly [field: string]: FieldValue;
}

/**
 * Gives the fields of a document one after the other, each once: an index that writes them as they come needs no object for them. May be
 * called several times, and gives the same each time.
 */
export type DocumentFields = (put: (field: string, value: FieldValue) => void) => void;

/** Name of a kind of document: session-events, detections, incidents, responses, ... */
export type IndexName = string;

export interface WriteItem {
  readonly id: string;
  readonly document: IndexDocument | DocumentFields;
  /** For `upsert`: the document wins over one with a lower version. */
  readonly version?: number;
}

/** What became of each item; in the order given. Only `rejected` items will never succeed. */
export type WriteOutcome =
  | { readonly outcome: 'created' | 'updated' | 'duplicate' | 'stale' }
  | { readonly outcome: 'rejected'; readonly reason: string };

export type Filter =
  | { readonly field: string; readonly is: string | number | boolean }
  | { readonly field: string; readonly in: readonly (string | number)[] }
  | { readonly field: string; readonly from?: number; readonly to?: number }
  | { readonly field: string; readonly startsWith: string }
  | { readonly field: string; readonly exists: boolean }
  | { readonly not: Filter }
  | { readonly any: readonly Filter[] };

export interface SearchQuery {
  readonly index: IndexName;
  /** All must hold. */
  readonly filters?: readonly Filter[];
  /** Words that must all occur in the document's texts. */
  readonly text?: string;
  /** Half-open range of @timestamp. */
  readonly from?: number;
  readonly to?: number;
  readonly order?: 'newest' | 'oldest';
  /** 1 to 1,000. */
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface SearchPage {
  readonly hits: readonly { readonly id: string; readonly document: IndexDocument }[];
  /** Pass as `after` for the next page; absent on the last. */
  readonly next?: string;
}

export interface AggregateQuery extends Pick<SearchQuery, 'index' | 'filters' | 'text' | 'from' | 'to'> {
  /** Buckets by the values of a field, or by time. */
  readonly by: { readonly field: string } | { readonly intervalMs: number };
  /** Sums of numeric fields per bucket. */
  readonly sum?: readonly string[];
  /** At most so many buckets, largest first (time: newest first). */
  readonly limit: number;
}

export interface Bucket {
  readonly key: string | number;
  readonly count: number;
  readonly sums: Readonly<Record<string, number>>;
}

export interface CreateOptions {
  /**
   * Some of these may have been given before (after an assignment, or after a failed attempt). An index that is kept in parts then
   * looks in all of them; without, only where time says that an earlier delivery may be in an older part.
   */
  readonly mayRepeat?: boolean;
}

export interface SearchIndex {
  /**
   * Adds documents that are not there yet: an id that exists is a `duplicate` and stays as it was. Resolves when durable. Rejects
   * while the index is away or full; items may be there nevertheless, and giving all of them again is safe. The items are gone through
   * once, before anything else is done, so that they may be made as they are taken.
   */
  create(index: IndexName, items: Iterable<WriteItem>, options?: CreateOptions): Promise<WriteOutcome[]>;
  /** Adds or replaces by id where `version` is higher. */
  upsert(index: IndexName, items: Iterable<WriteItem>): Promise<WriteOutcome[]>;
  get(index: IndexName, id: string): Promise<IndexDocument | undefined>;
  search(query: SearchQuery): Promise<SearchPage>;
  count(query: Pick<SearchQuery, 'index' | 'filters' | 'text' | 'from' | 'to'>): Promise<number>;
  aggregate(query: AggregateQuery): Promise<Bucket[]>;
  /** Makes all that was written before visible to searches. */
  refresh(): Promise<void>;
  /** Deletes documents older than `before`; returns how many. */
  expire(index: IndexName, before: number): Promise<number>;
  /**
   * Says for how long documents are kept. True where the index deletes older ones by itself from now on, so that nobody needs to
   * call `expire`; absent where it never does.
   */
  retain?(index: IndexName, keepDays: number): Promise<boolean>;
  close(): Promise<void>;
}
