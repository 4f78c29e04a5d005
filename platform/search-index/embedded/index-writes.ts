import { whyRejected } from '../bounds.ts';
import { isTextField } from '../text-fields.ts';
import type { IndexDocument, WriteItem, WriteOutcome } from '../search-index.ts';

/** Functions do not cross the border of a thread. */
export type PlainItem = WriteItem & { readonly document: IndexDocument };
import type { IndexDatabase } from './index-database.ts';

function textOf(document: IndexDocument): string {
  const parts: string[] = [];
  for (const [field, value] of Object.entries(document)) {
    if (!isTextField(field)) continue;
    for (const entry of Array.isArray(value) ? (value as readonly unknown[]) : [value])
      if (typeof entry === 'string') parts.push(entry);
  }
  return parts.join('\n');
}

interface Stored {
  document: number;
  time: number;
  version: number;
  body: string;
}

export function createIndexWrites(database: IndexDatabase) {
  const find = database.prepare(
    'select document, time, version, json(body) body from documents where ind = ? and id = ?',
  );
  const insert = database.prepare(
    'insert into documents (ind, id, time, version, body) values (?, ?, ?, ?, jsonb(?))',
  );
  const replace = database.prepare(
    'update documents set time = ?, version = ?, body = jsonb(?) where document = ?',
  );
  const remove = database.prepare('delete from documents where document = ?');
  const addText = database.prepare('insert into texts (rowid, text) values (?, ?)');
  const removeText = database.prepare('delete from texts where rowid = ?');
  const addLookup = database.prepare('insert or ignore into lookups values (?, ?, ?, ?, ?)');
  const removeLookup = database.prepare(
    'delete from lookups where field = ? and value = ? and ind = ? and time = ? and document = ?',
  );

  const eachLookup = (
    document: IndexDocument,
    visit: (field: number, value: string | number) => void,
  ): void => {
    for (const [name, field] of database.lookupFields) {
      const value = document[name];
      if (value === undefined) continue;
      for (const entry of Array.isArray(value) ? (value as readonly unknown[]) : [value])
        if (typeof entry === 'string' || typeof entry === 'number') visit(field, entry);
    }
  };
  const addDerived = (ind: number, row: number, document: IndexDocument): void => {
    eachLookup(document, (field, value) => addLookup.run(field, value, ind, document['@timestamp'], row));
    addText.run(row, textOf(document));
  };
  const removeDerived = (ind: number, stored: Stored): void => {
    const document = JSON.parse(stored.body) as IndexDocument;
    eachLookup(document, (field, value) => removeLookup.run(field, value, ind, stored.time, stored.document));
    removeText.run(stored.document);
  };

  const writeOne = (ind: number, item: PlainItem, upsert: boolean): WriteOutcome => {
    const { id, document } = item;
    const body = JSON.stringify(document);
    const rejected = whyRejected(id, document, body);
    if (rejected !== undefined) return { outcome: 'rejected', reason: rejected };
    if (upsert && !Number.isSafeInteger(item.version))
      return { outcome: 'rejected', reason: 'an upsert has an integer version' };
    const version = upsert ? item.version! : 0;
    const time = document['@timestamp'];
    const stored = find.get(ind, id) as Stored | undefined;
    if (stored === undefined) {
      const row = Number(insert.run(ind, id, time, version, body).lastInsertRowid);
      addDerived(ind, row, document);
      return { outcome: 'created' };
    }
    if (!upsert || stored.version === version) return { outcome: 'duplicate' };
    if (stored.version > version) return { outcome: 'stale' };
    removeDerived(ind, stored);
    replace.run(time, version, body, stored.document);
    addDerived(ind, stored.document, document);
    return { outcome: 'updated' };
  };

  return {
    write(index: string, items: readonly PlainItem[], upsert: boolean): WriteOutcome[] {
      return database.transaction(() => {
        const ind = database.indexNumber(index, true)!;
        return items.map((item) => writeOne(ind, item, upsert));
      });
    },
    /** Deletes up to `limit` documents older than `before`, oldest first; returns how many. */
    expire(index: string, before: number, limit: number): number {
      const ind = database.indexNumber(index, false);
      if (ind === undefined) return 0;
      return database.transaction(() => {
        const rows = database
          .prepare(
            'select document, time, version, json(body) body from documents where ind = ? and time < ? order by time, document limit ?',
          )
          .all(ind, before, limit) as unknown as Stored[];
        for (const stored of rows) {
          removeDerived(ind, stored);
          remove.run(stored.document);
        }
        return rows.length;
      });
    },
    /** Fills the lookups of fields that became lookup fields after documents were there. */
    fillLookups(names: readonly string[]): void {
      const fields = names.map((name) => [name, database.lookupFields.get(name)!] as const);
      if (database.prepare('select 1 from documents limit 1').get() === undefined) return;
      database.transaction(() => {
        for (const row of database
          .prepare('select document, ind, time, json(body) body from documents')
          .iterate()) {
          const { document, ind, time, body } = row as unknown as Stored & { ind: number };
          const parsed = JSON.parse(body) as IndexDocument;
          for (const [name, field] of fields) {
            const value = parsed[name];
            for (const entry of Array.isArray(value) ? (value as readonly unknown[]) : [value])
              if (typeof entry === 'string' || typeof entry === 'number')
                addLookup.run(field, entry, ind, time, document);
          }
        }
      });
    },
  };
}
