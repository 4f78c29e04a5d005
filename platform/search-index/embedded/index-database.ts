/**
 * Tables of the embedded search index.
 *
 *   documents  one row per document: index, id, time, version, body as JSONB. Row ids are never used again.
 *   lookups    (field, value, time, document) for the fields that documents are looked up by: an exact match comes out in
 *              the order of time without a sort.
 *   texts      FTS5 without content over all strings of a document.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { LOOKUP_FIELDS } from '../../../schemas/ecs/lookup-fields.ts';
import { searchIndexError } from '../errors.ts';

const LAYOUT_VERSION = 1;
const LAYOUT = `
  create table if not exists indexes (number integer primary key, name text not null unique) strict;
  create table if not exists documents (
    document integer primary key autoincrement, ind integer not null, id text not null, time integer not null,
    version integer not null, body blob not null) strict;
  create unique index if not exists documents_by_id on documents (ind, id);
  create index if not exists documents_by_time on documents (ind, time, document);
  create table if not exists lookup_fields (number integer primary key, name text not null unique) strict;
  create table if not exists lookups (
    field integer not null, value any not null, ind integer not null, time integer not null, document integer not null,
    primary key (field, value, ind, time, document)) without rowid, strict;
  create virtual table if not exists texts using fts5(text, content = '', contentless_delete = 1, detail = full);
`;

export interface IndexDatabaseConfig {
  /** Absolute path, or ':memory:'. */
  readonly file: string;
  readonly cacheBytesMax: number;
}

export interface IndexDatabase {
  readonly sqlite: DatabaseSync;
  /** Numbers of the lookup fields. */
  readonly lookupFields: ReadonlyMap<string, number>;
  prepare(sql: string): StatementSync;
  /** Number of an index; made where absent if `create`. */
  indexNumber(name: string, create: boolean): number | undefined;
  transaction<R>(work: () => R): R;
}

const STATEMENTS_MAX = 500;
/** 64 MiB: a batch touches pages all over the lookups, and each checkpoint writes a page once, however often it changed. */
const CHECKPOINT_PAGES = 16_384;

function open(config: IndexDatabaseConfig): DatabaseSync {
  if (config.file !== ':memory:') {
    mkdirSync(dirname(config.file), { recursive: true, mode: 0o700 });
    closeSync(openSync(config.file, 'a', 0o600));
  }
  const sqlite = new DatabaseSync(config.file, { timeout: 5000 });
  sqlite.exec(`pragma journal_mode = wal; pragma synchronous = full; pragma temp_store = memory;
    pragma wal_autocheckpoint = ${CHECKPOINT_PAGES}; pragma journal_size_limit = ${CHECKPOINT_PAGES * 4096};
    pragma cache_size = -${Math.ceil(config.cacheBytesMax / 1024)};`);
  const found = (sqlite.prepare('pragma user_version').get() as { user_version: number }).user_version;
  if (found > LAYOUT_VERSION) {
    sqlite.close();
    throw searchIndexError('SEARCH_INDEX_VERSION', { found, known: LAYOUT_VERSION });
  }
  sqlite.exec(`begin immediate; ${LAYOUT} pragma user_version = ${LAYOUT_VERSION}; commit;`);
  return sqlite;
}

export function openIndexDatabase(config: IndexDatabaseConfig): {
  database: IndexDatabase;
  fieldsAdded: string[];
} {
  const sqlite = open(config);
  const statements = new Map<string, StatementSync>();
  const prepare = (sql: string): StatementSync => {
    let statement = statements.get(sql);
    if (statement === undefined) {
      // Queries differ in shape without bound; the statements that are kept do not.
      if (statements.size >= STATEMENTS_MAX) statements.delete(statements.keys().next().value!);
      statements.set(sql, (statement = sqlite.prepare(sql)));
    }
    return statement;
  };
  const transaction = <R>(work: () => R): R => {
    sqlite.exec('begin immediate');
    try {
      const result = work();
      sqlite.exec('commit');
      return result;
    } catch (error) {
      if (sqlite.isTransaction) sqlite.exec('rollback');
      throw error;
    }
  };

  const addField = prepare('insert or ignore into lookup_fields (name) values (?)');
  const fieldsAdded = transaction(() => LOOKUP_FIELDS.filter((name) => addField.run(name).changes === 1));
  const rows = prepare('select number, name from lookup_fields').all() as unknown as {
    number: number;
    name: string;
  }[];
  const known = new Set<string>(LOOKUP_FIELDS);
  const lookupFields = new Map(
    rows.filter(({ name }) => known.has(name)).map(({ name, number }) => [name, number]),
  );

  const indexes = new Map<string, number>();
  const indexNumber = (name: string, create: boolean): number | undefined => {
    const cached = indexes.get(name);
    if (cached !== undefined) return cached;
    if (create) prepare('insert or ignore into indexes (name) values (?)').run(name);
    const row = prepare('select number from indexes where name = ?').get(name) as
      | { number: number }
      | undefined;
    // Inside a transaction that may yet roll back a number is not remembered.
    if (row !== undefined && !sqlite.isTransaction) indexes.set(name, row.number);
    return row?.number;
  };
  return { database: { sqlite, lookupFields, prepare, indexNumber, transaction }, fieldsAdded };
}
