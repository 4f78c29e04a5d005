import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import {
  createEmbeddedSearchIndex,
  type EmbeddedSearchIndexConfig,
} from '../embedded/embedded-search-index.ts';
import type { SearchIndex } from '../search-index.ts';
import { describeSearchIndex } from './conformance.ts';

const config = (file: string): EmbeddedSearchIndexConfig => ({
  file,
  cacheBytesMax: 8 * 1024 * 1024,
  callsWaitingMax: 1000,
});

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'search-index-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describeSearchIndex('embedded', async () => {
  const path = mkdtempSync(join(tmpdir(), 'search-index-'));
  const index = await createEmbeddedSearchIndex(config(join(path, 'index.db')));
  return {
    index,
    async dispose() {
      await index.close();
      rmSync(path, { recursive: true, force: true });
    },
  };
});

const fill = async (index: SearchIndex, count: number): Promise<void> => {
  const items = Array.from({ length: count }, (_, n) => ({
    id: `e${n}`,
    document: {
      '@timestamp': n,
      'user.id': `user ${n % 3}`,
      message: n % 2 === 0 ? 'even common' : 'odd common',
    },
  }));
  await index.create('events', items);
};

describe('embedded search index', () => {
  it('keeps documents over a restart, readable for its owner only', async (t) => {
    const file = join(folder(t), 'deep', 'index.db');
    const first = await createEmbeddedSearchIndex(config(file));
    await fill(first, 10);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    await first.close();
    await assert.rejects(first.count({ index: 'events' }), { code: 'SEARCH_INDEX_UNAVAILABLE' });
    const second = await createEmbeddedSearchIndex(config(file));
    assert.equal(await second.count({ index: 'events', filters: [{ field: 'user.id', is: 'user 0' }] }), 4);
    assert.equal(await second.count({ index: 'events', text: 'odd' }), 5);
    await second.close();
  });

  it('says why when the file is no index, or one of a newer version', async (t) => {
    const path = folder(t);
    writeFileSync(join(path, 'text.db'), 'this is no database but a text that is long enough'.repeat(20));
    await assert.rejects(createEmbeddedSearchIndex(config(join(path, 'text.db'))), {
      code: 'SEARCH_INDEX_UNAVAILABLE',
    });
    const newer = new DatabaseSync(join(path, 'newer.db'));
    newer.exec('pragma user_version = 99');
    newer.close();
    await assert.rejects(createEmbeddedSearchIndex(config(join(path, 'newer.db'))), {
      code: 'SEARCH_INDEX_VERSION',
    });
  });

  it('answers the same beyond the number of documents that a plan is chosen by', async (t) => {
    const index = await createEmbeddedSearchIndex(config(join(folder(t), 'index.db')));
    await fill(index, 24_000);
    const userIs = { field: 'user.id', is: 'user 1' } as const;
    const userIn = { field: 'user.id', in: ['user 1', 'user 2'] } as const;
    assert.equal(await index.count({ index: 'events', text: 'common' }), 24_000);
    assert.equal(await index.count({ index: 'events', text: 'even' }), 12_000);
    assert.equal(await index.count({ index: 'events', filters: [userIs], text: 'even common' }), 4000);
    assert.equal(await index.count({ index: 'events', filters: [userIn] }), 16_000);
    assert.equal(
      await index.count({ index: 'events', filters: [userIn, userIs], from: 3000, to: 6000 }),
      1000,
    );
    const { hits } = await index.search({ index: 'events', filters: [userIs], text: 'odd', limit: 3 });
    assert.deepEqual(
      hits.map(({ id }) => id),
      ['e23995', 'e23989', 'e23983'],
    );
    await index.close();
  });

  it('fills the lookups of a field that became one later', async (t) => {
    const file = join(folder(t), 'index.db');
    const first = await createEmbeddedSearchIndex(config(file));
    await fill(first, 9);
    await first.close();
    const raw = new DatabaseSync(file);
    raw.exec(`delete from lookups where field = (select number from lookup_fields where name = 'user.id');
      delete from lookup_fields where name = 'user.id'`);
    raw.close();
    const second = await createEmbeddedSearchIndex(config(file));
    assert.equal(await second.count({ index: 'events', filters: [{ field: 'user.id', is: 'user 1' }] }), 3);
    await second.close();
  });
});
