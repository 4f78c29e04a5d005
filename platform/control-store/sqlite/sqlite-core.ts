/** The control store's database on node:sqlite, synchronous: in the worker thread, or used directly by the simulator. */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { isCountersignError } from '../../errors/errors.ts';
import { prefixEnd } from '../bounds.ts';
import type { ListOptions, OutboxEntry } from '../control-store.ts';
import { controlStoreError } from '../errors.ts';
import type { PublishedRecord, StoredEntry, StoredWrite } from '../overlay-transaction.ts';

const LAYOUT_VERSION = 1;
const LAYOUT = `
  create table if not exists entries (
    collection text not null, id blob not null, value text not null, revision integer not null,
    primary key (collection, id)) without rowid, strict;
  create table if not exists outbox (
    sequence integer primary key autoincrement, topic text not null, key text not null, value blob) strict;
  create table if not exists state (one integer primary key check (one = 1), revision integer not null) strict;
  insert or ignore into state values (1, 0);
`;

export interface SqliteCoreConfig {
  /** Absolute path, or ':memory:'. */
  readonly file: string;
  readonly busyTimeoutMs: number;
  readonly outboxEntriesMax: number;
  /** Only reads of a file that is laid out already. */
  readonly readOnly?: boolean;
}

export type CommitResult =
  | { readonly committed: true; readonly revision: number }
  | { readonly committed: false };

interface EntryRow {
  id: Uint8Array;
  value: string;
  revision: number;
}

const stored = (row: EntryRow): StoredEntry => ({
  id: Buffer.from(row.id).toString(),
  text: row.value,
  revision: row.revision,
});

function openDatabase(config: SqliteCoreConfig): DatabaseSync {
  if (config.readOnly === true)
    return new DatabaseSync(config.file, { timeout: config.busyTimeoutMs, readOnly: true });
  if (config.file !== ':memory:') {
    mkdirSync(dirname(config.file), { recursive: true, mode: 0o700 });
    // Created here, so that it (and the -wal and -shm files, which take its mode) is never readable for others.
    closeSync(openSync(config.file, 'a', 0o600));
  }
  const database = new DatabaseSync(config.file, { timeout: config.busyTimeoutMs });
  database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;');
  const found = (database.prepare('pragma user_version').get() as { user_version: number }).user_version;
  if (found > LAYOUT_VERSION) {
    database.close();
    throw controlStoreError('CONTROL_STORE_VERSION', { found, known: LAYOUT_VERSION });
  }
  database.exec(`begin immediate; ${LAYOUT} pragma user_version = ${LAYOUT_VERSION}; commit;`);
  return database;
}

function guarded<R>(work: () => R): R {
  try {
    return work();
  } catch (error) {
    if (isCountersignError(error)) throw error;
    throw controlStoreError('CONTROL_STORE_UNAVAILABLE', { reason: (error as Error).message }, error);
  }
}

export class SqliteCore {
  readonly #config: SqliteCoreConfig;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #closed = false;

  constructor(config: SqliteCoreConfig) {
    this.#config = config;
    this.#database = guarded(() => openDatabase(config));
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, (statement = this.#database.prepare(sql)));
    return statement;
  }

  get(collection: string, id: string): StoredEntry | undefined {
    return guarded(() => {
      const row = this.#prepare(
        'select id, value, revision from entries where collection = ? and id = ?',
      ).get(collection, Buffer.from(id)) as EntryRow | undefined;
      return row === undefined ? undefined : stored(row);
    });
  }

  list(collection: string, options: ListOptions): StoredEntry[] {
    return guarded(() => {
      const prefix = Buffer.from(options.prefix ?? '');
      const end = prefixEnd(prefix);
      const rows = this.#prepare(
        `select id, value, revision from entries where collection = ? and id >= ? and id > ?
         ${end === undefined ? '' : 'and id < ?'} order by id limit ?`,
      ).all(
        collection,
        prefix,
        Buffer.from(options.after ?? ''),
        ...(end === undefined ? [] : [end]),
        options.limit,
      ) as unknown as EntryRow[];
      return rows.map(stored);
    });
  }

  revision(): number {
    return guarded(
      () => (this.#prepare('select revision from state').get() as { revision: number }).revision,
    );
  }

  /** Writes all or nothing, if `baseRevision` is still the last. Durable on return, unless `flush` is false. */
  commit(
    baseRevision: number,
    writes: readonly StoredWrite[],
    published: readonly PublishedRecord[],
    flush = true,
  ): CommitResult {
    const work = (): CommitResult => {
      this.#database.exec('begin immediate');
      try {
        const result = this.#commitLocked(baseRevision, writes, published);
        this.#database.exec(result.committed ? 'commit' : 'rollback');
        return result;
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec('rollback');
        throw error;
      }
    };
    return guarded(() => (flush ? work() : this.#unflushed(work)));
  }

  /** A commit in here is not flushed: it survives the process, not a power cut. The next flushed one takes it along. */
  #unflushed<R>(work: () => R): R {
    this.#database.exec('pragma synchronous = normal');
    try {
      return work();
    } finally {
      this.#database.exec('pragma synchronous = full');
    }
  }

  #commitLocked(
    baseRevision: number,
    writes: readonly StoredWrite[],
    published: readonly PublishedRecord[],
  ): CommitResult {
    if (this.revision() !== baseRevision) return { committed: false };
    const revision = baseRevision + 1;
    const put = this.#prepare(
      `insert into entries values (?, ?, ?, ?)
       on conflict do update set value = excluded.value, revision = excluded.revision`,
    );
    const remove = this.#prepare('delete from entries where collection = ? and id = ?');
    for (const { collection, id, text } of writes) {
      if (text === null) remove.run(collection, Buffer.from(id));
      else put.run(collection, Buffer.from(id), text, revision);
    }
    if (published.length > 0) this.#enqueue(published);
    this.#prepare('update state set revision = ?').run(revision);
    return { committed: true, revision };
  }

  #enqueue(published: readonly PublishedRecord[]): void {
    const { first, last } = this.#prepare(
      'select min(sequence) first, max(sequence) last from outbox',
    ).get() as {
      first: number | null;
      last: number | null;
    };
    const waiting = first === null ? 0 : last! - first + 1;
    if (waiting + published.length > this.#config.outboxEntriesMax)
      throw controlStoreError('CONTROL_STORE_OUTBOX_FULL', { max: this.#config.outboxEntriesMax });
    const insert = this.#prepare('insert into outbox (topic, key, value) values (?, ?, ?)');
    for (const { topic, key, value } of published) insert.run(topic, key, value);
  }

  outbox(limit: number): OutboxEntry[] {
    return guarded(() => {
      const rows = this.#prepare(
        'select sequence, topic, key, value from outbox order by sequence limit ?',
      ).all(limit);
      return rows as unknown as OutboxEntry[];
    });
  }

  acknowledgeOutbox(sequence: number): void {
    guarded(() => {
      // Not worth a flush, which the next lockout would have to wait for: what a power cut takes back is delivered twice.
      this.#unflushed(() => this.#prepare('delete from outbox where sequence <= ?').run(sequence));
    });
  }

  /** Sequence of the newest entry that was ever published; 0 where none. */
  lastPublished(): number {
    return guarded(() => {
      const row = this.#prepare("select seq from sqlite_sequence where name = 'outbox'").get();
      return (row as { seq: number } | undefined)?.seq ?? 0;
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#database.close();
  }
}
