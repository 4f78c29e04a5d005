/** A secured server over TLS: credentials, and the roles of docs/elasticsearch.md. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { lacking } from '../../../test/servers/available.ts';
import {
  startElasticsearch,
  type TestElasticsearch,
} from '../../../test/servers/elasticsearch/elasticsearch.ts';
import type { SearchIndex } from '../search-index.ts';
import { clock, documents, listeningLogger, openIndex } from './elasticsearch-support.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/elasticsearch.md'), 'utf8');

/** Body of a request that stands on the page. */
function requestOnPage(line: string): Record<string, unknown> {
  const [, body] = page.split(`${line}\n`) as [string, string];
  return JSON.parse(body.slice(0, body.indexOf('```'))) as Record<string, unknown>;
}

const incident = (version: number) => ({
  id: 'i',
  version,
  document: { '@timestamp': clock.now(), 'event.id': 'i', 'countersign.incident.id': 'i' },
});

describe('search index on a secured Elasticsearch', { skip: lacking('elasticsearch') }, () => {
  let server: TestElasticsearch;
  before(async () => {
    server = await startElasticsearch({ password: 'of the tests', tls: true, gap: true });
  });
  after(() => server?.stop());

  const open = (
    config: object,
    secrets: Record<string, string>,
    log = listeningLogger().log,
  ): Promise<SearchIndex> =>
    openIndex(server, { config: { caFile: server.caFile, ...config }, secrets, log });
  const keyOf = async (role: string): Promise<string> => {
    const { encoded } = (await server.request('POST', '_security/api_key', {
      name: role,
      role_descriptors: { [role]: requestOnPage(`PUT /_security/role/${role}`) },
    })) as unknown as { encoded: string };
    return encoded;
  };
  const withKey = async (role: string, config: object = {}): Promise<SearchIndex> =>
    open({ apiKey: { env: 'KEY' }, ...config }, { KEY: await keyOf(role) });

  it('does everything with the role of the page, as a user and by an API key', async () => {
    const role = requestOnPage('PUT /_security/role/countersign_index');
    await server.request('PUT', '_security/role/countersign_index', role);
    await server.request('PUT', '_security/user/ingest', {
      password: 'a password',
      roles: ['countersign_index'],
    });
    const key = requestOnPage('POST /_security/api_key');
    const { encoded } = (await server.request('POST', '_security/api_key', key)) as unknown as {
      encoded: string;
    };
    const user = { username: 'ingest', password: { env: 'PASSWORD' }, indexPrefix: 'countersign-u' };
    for (const [config, secrets] of [
      [user, { PASSWORD: 'a password' }],
      [{ apiKey: { env: 'KEY' }, indexPrefix: 'countersign-k' }, { KEY: encoded }],
    ] as const) {
      const index = await open(config, secrets);
      assert.equal((await index.create('detections', documents(0, 5, 1000)))[0]!.outcome, 'created');
      await server.request('POST', `${config.indexPrefix}-detections/_rollover`);
      const again = await index.create('detections', documents(0, 6, 1000), { mayRepeat: true });
      assert.equal(again.filter(({ outcome }) => outcome === 'duplicate').length, 5);
      assert.equal((await index.upsert('incidents', [incident(1)]))[0]!.outcome, 'created');
      assert.equal((await index.get('incidents', 'i'))?.['event.id'], 'i');
      await index.refresh();
      assert.equal((await index.search({ index: 'detections', limit: 10 })).hits.length, 6);
      assert.equal(await index.expire('detections', 2000), 6);
      await index.close();
    }
  });

  it('sets a data stream lifecycle or a policy, for streams that are there and that come', async () => {
    for (const mode of ['lifecycle', 'ilm']) {
      const prefix = `countersign-${mode}`;
      const index = await withKey('countersign_index', { indexPrefix: prefix, retention: { mode } });
      await index.create('detections', documents(0, 1));
      for (const name of ['detections', 'responses']) assert.equal(await index.retain!(name, 30), true, name);
      assert.equal(await index.retain!('incidents', 30), false, 'a plain index is ours');
      await index.create('responses', documents(0, 1));
      assert.equal(await index.expire('detections', clock.now() + 1000), 0, 'the server does it');
      for (const name of ['detections', 'responses']) {
        const { data_streams: streams } = (await server.request(
          'GET',
          `_data_stream/${prefix}-${name}`,
        )) as unknown as {
          data_streams: { lifecycle?: { data_retention?: string }; ilm_policy?: string }[];
        };
        if (mode === 'lifecycle') assert.equal(streams[0]!.lifecycle?.data_retention, '30d', name);
        else {
          assert.equal(streams[0]!.ilm_policy, `${prefix}-${name}`);
          const policies = await server.request('GET', `_ilm/policy/${prefix}-${name}`);
          assert.match(JSON.stringify(policies), /"min_age":"30d"/);
        }
      }
      await index.close();
    }
  });

  it('writes with the smaller role what is set up, and changes no template', async () => {
    const setUp = await withKey('countersign_index');
    await setUp.create('detections', documents(0, 5));
    await setUp.upsert('incidents', [incident(1)]);
    await setUp.close();
    const index = await withKey('countersign_index_runtime', {
      templates: 'expect',
      retention: { mode: 'lifecycle' },
    });
    const outcomes = await index.create('detections', documents(3, 8), { mayRepeat: true });
    assert.equal(outcomes.filter(({ outcome }) => outcome === 'created').length, 3);
    assert.equal((await index.upsert('incidents', [incident(2)]))[0]!.outcome, 'updated');
    assert.equal(await index.retain!('detections', 30), true);
    await index.refresh();
    assert.equal(await index.expire('incidents', clock.now() + 1000), 1);
    const { KEY } = { KEY: await keyOf('countersign_index_runtime') };
    const installing = await open({ apiKey: { env: 'KEY' } }, { KEY });
    await assert.rejects(installing.create('responses', documents(0, 1)), { code: 'SEARCH_INDEX_FORBIDDEN' });
    await installing.close();
    await index.close();
  });

  it('searches with the role for that, and writes nothing with it', async () => {
    const index = await withKey('countersign_search');
    await index.refresh();
    assert.equal(await index.count({ index: 'detections' }), 8);
    assert.notEqual(await index.get('detections', 'd0'), undefined);
    await assert.rejects(index.create('detections', documents(50, 51)), { code: 'SEARCH_INDEX_FORBIDDEN' });
    await index.close();
  });

  it('says what is wrong with a credential, and shows none', async () => {
    const { log, lines } = listeningLogger();
    const wrong = await open({ apiKey: { env: 'KEY' } }, { KEY: 'c2VjcmV0OnNlY3JldA==' }, log);
    const refused = await wrong.count({ index: 'detections' }).catch((error: unknown) => error as Error);
    assert.ok(refused instanceof Error);
    assert.equal((refused as { code?: string }).code, 'SEARCH_INDEX_FORBIDDEN');
    assert.ok(
      ![...lines, refused.message, JSON.stringify(refused)].some((text) => text.includes('c2VjcmV0')),
    );
    await wrong.close();
    for (const config of [
      { apiKey: { env: 'KEY' }, username: 'u', password: { env: 'KEY' } },
      { username: 'u' },
      { apiKey: { env: 'KEY' }, nodes: ['http://es.example.com:9200'] },
      { nodes: ['https://u:p@es.example.com:9200'] },
    ])
      await assert.rejects(open(config, { KEY: 'x' }), { code: 'SEARCH_INDEX_CREDENTIAL' });
    await assert.rejects(open({ apiKey: { env: 'NONE' } }, {}), /no secret NONE/);
  });

  it('checks the certificate of the server', async () => {
    const secrets = { KEY: await keyOf('countersign_index') };
    const unknown = await openIndex(server, { config: { apiKey: { env: 'KEY' } }, secrets });
    await assert.rejects(unknown.count({ index: 'detections' }), { code: 'SEARCH_INDEX_UNAVAILABLE' });
    await unknown.close();
  });
});
