import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { lacking } from '../../../test/servers/available.ts';
import {
  startElasticsearch,
  type TestElasticsearch,
} from '../../../test/servers/elasticsearch/elasticsearch.ts';
import type { SearchIndex } from '../search-index.ts';
import { describeSearchIndex } from './conformance.ts';
import { documents, listeningLogger, openIndex } from './elasticsearch-support.ts';

for (const version of ['9.5', '8.19'] as const) {
  describe(`search index on Elasticsearch ${version}`, { skip: lacking('elasticsearch') }, () => {
    let server: TestElasticsearch;
    let index: SearchIndex;
    before(async () => {
      server = await startElasticsearch({ version });
      index = await openIndex(server);
    });
    after(async () => {
      await index?.close();
      await server?.stop();
    });

    describeSearchIndex(`elasticsearch ${version}`, async () => {
      const opened = await openIndex(server, { config: { indexPrefix: 'suite' } });
      return { index: opened, dispose: () => opened.close() };
    });

    it('says what the server lacks', async () => {
      const { log, lines } = listeningLogger();
      const opened = await openIndex(server, { log });
      await opened.count({ index: 'session-events' });
      await opened.close();
      assert.ok(lines.some((line) => line.includes(server.version)));
      const lacks = lines.find((line) => line.includes('lacks modules'))!;
      for (const module of ['data-streams', 'x-pack-ilm', 'mapper-extras', 'wildcard'])
        assert.ok(lacks.includes(module), module);
    });

    it('adds a document once, also over a rollover between two deliveries', async () => {
      const name = 'countersign-responses';
      assert.equal((await index.create('responses', documents(0, 50))).length, 50);
      await server.request('POST', `${name}/_rollover`);
      // The process does not know of the rollover; half is new.
      const second = await index.create('responses', documents(25, 75));
      const counted = (outcome: string): number => second.filter((one) => one.outcome === outcome).length;
      assert.deepEqual([counted('duplicate'), counted('created')], [25, 25]);
      await index.refresh();
      assert.equal(await index.count({ index: 'responses' }), 75);
      // Another process, which knows nothing.
      const other = await openIndex(server);
      await server.request('POST', `${name}/_rollover`);
      const third = await other.create('responses', documents(0, 80));
      assert.deepEqual(third.filter(({ outcome }) => outcome === 'created').length, 5);
      await other.refresh();
      assert.equal(await other.count({ index: 'responses' }), 80);
      await other.close();
    });

    it('looks up what may repeat, however new its time says it is', async () => {
      const future = Date.UTC(2100, 0, 1);
      await index.create('detections', documents(0, 20, future));
      await server.request('POST', 'countersign-detections/_rollover');
      await index.create('detections', documents(20, 21, future));
      const again = await index.create('detections', documents(0, 25, future), { mayRepeat: true });
      assert.equal(again.filter(({ outcome }) => outcome === 'duplicate').length, 21);
      await index.refresh();
      assert.equal(await index.count({ index: 'detections' }), 25);
    });

    it('goes on where somebody removed a backing index', async () => {
      const config = { indexPrefix: 'anew', bulk: { attemptsMax: 1 } };
      const opened = await openIndex(server, { config });
      await opened.create('session-events', documents(0, 3));
      const { data_streams: streams } = (await server.request(
        'GET',
        '_resolve/index/anew-session-events',
      )) as unknown as { data_streams: { backing_indices: string[] }[] };
      await server.request('POST', 'anew-session-events/_rollover');
      await server.request('DELETE', streams[0]!.backing_indices[0]!);
      const outcomes = await opened.create('session-events', documents(0, 3));
      assert.deepEqual(new Set(outcomes.map(({ outcome }) => outcome)), new Set(['created']));
      await opened.close();
    });

    it('makes no index with fields by chance where a template is missing', async () => {
      const config = { indexPrefix: 'bare', templates: 'expect', bulk: { attemptsMax: 1 } };
      const opened = await openIndex(server, { config });
      await assert.rejects(opened.create('session-events', documents(0, 1)), {
        code: 'SEARCH_INDEX_UNAVAILABLE',
        message: /no matching index template/,
      });
      assert.equal(await opened.count({ index: 'session-events' }), 0);
      await opened.close();
    });

    it('finds by id and by words in every backing index', async () => {
      await index.create('session-data', documents(0, 3));
      await server.request('POST', 'countersign-session-data/_rollover');
      await index.create('session-data', documents(3, 6));
      for (const id of ['d0', 'd4']) assert.equal((await index.get('session-data', id))?.['event.id'], id);
      await index.refresh();
      assert.equal(await index.count({ index: 'session-data', text: 'select' }), 6);
      const { hits, next } = await index.search({ index: 'session-data', limit: 4 });
      const rest = await index.search({ index: 'session-data', limit: 4, after: next! });
      assert.equal(new Set([...hits, ...rest.hits].map(({ id }) => id)).size, 6);
    });

    it('writes and reads compressed where that is asked for', async () => {
      const encodings: (string | undefined)[] = [];
      const between = http.createServer((request, response) => {
        const { method, url: path } = request;
        // A connection for each: one that the server is about to close would take the next request with it.
        const headers = { ...request.headers, connection: 'close' };
        if (path!.includes('_bulk')) encodings.push(headers['content-encoding']);
        const onward = http.request(
          `${server.url}${path}`,
          { agent: false, method: method!, headers },
          (answer) => {
            if (path!.includes('_search')) encodings.push(answer.headers['content-encoding']);
            response.writeHead(answer.statusCode!, answer.headers);
            answer.pipe(response);
          },
        );
        onward.once('error', (error) => response.destroy(error));
        request.pipe(onward);
      });
      between.listen(0, '127.0.0.1');
      await once(between, 'listening');
      const url = `http://127.0.0.1:${(between.address() as AddressInfo).port}`;
      const opened = await openIndex({ url }, { config: { indexPrefix: 'zipped', compression: true } });
      await opened.create('session-events', documents(0, 30));
      await opened.refresh();
      const page = await opened.search({ index: 'session-events', limit: 100 });
      assert.equal(page.hits.length, 30);
      assert.ok(
        encodings.length >= 2 && encodings.every((encoding) => encoding === 'gzip'),
        encodings.join(),
      );
      await opened.close();
      between.close();
    });

    it('drops whole backing indices that are old, and rolls over', async () => {
      const config = { retention: { rolloverAgeDays: 1, rolloverBytesMax: 1024 * 1024 } };
      const opened = await openIndex(server, { config: { ...config, indexPrefix: 'old' } });
      await opened.create('session-events', documents(0, 30, 1000));
      await server.request('POST', 'old-session-events/_rollover');
      await opened.create('session-events', [...documents(30, 40, 1000), ...documents(40, 45, 9000)]);
      assert.equal(await opened.expire('session-events', 5000), 40);
      await opened.refresh();
      assert.equal(await opened.count({ index: 'session-events' }), 5);
      const { data_streams: streams } = (await server.request(
        'GET',
        '_resolve/index/old-session-events',
      )) as unknown as {
        data_streams: { backing_indices: string[] }[];
      };
      assert.equal(streams[0]!.backing_indices.length, 1);
      await opened.close();
    });

    it('leaves a document that an index of another mapping refuses, with the reason, and writes the others', async () => {
      const properties = { 'user.id': { type: 'long' }, '@timestamp': { type: 'date' } };
      await server.request('PUT', 'other-incidents', { mappings: { dynamic: false, properties } });
      const opened = await openIndex(server, { config: { indexPrefix: 'other' } });
      const incident = (id: string, user: string) => ({
        id,
        version: 1,
        document: { '@timestamp': 1000, 'event.id': id, 'user.id': user },
      });
      const written = await opened.upsert('incidents', [
        incident('a', '7'),
        incident('b', 'alice'),
        incident('c', '8'),
      ]);
      assert.deepEqual(
        written.map(({ outcome }) => outcome),
        ['created', 'rejected', 'created'],
      );
      assert.match((written[1] as { reason: string }).reason, /user\.id.*long/);
      await opened.close();
    });

    it('gives a data stream of an older mapping the fields that it lacks, or a new backing index', async () => {
      for (const [prefix, type] of [
        ['lacks', undefined],
        ['differs', 'long'],
      ] as const) {
        const own = type === undefined ? {} : { 'user.id': { type } };
        await server.request('PUT', `_index_template/${prefix}-session-events`, {
          index_patterns: [`${prefix}-session-events`],
          data_stream: {},
          template: { mappings: { dynamic: false, properties: { '@timestamp': { type: 'date' }, ...own } } },
        });
        await server.request('POST', `${prefix}-session-events/_doc`, { '@timestamp': 1000 });
        const opened = await openIndex(server, { config: { indexPrefix: prefix } });
        const outcomes = await opened.create('session-events', documents(0, 3));
        assert.deepEqual(new Set(outcomes.map(({ outcome }) => outcome)), new Set(['created']), prefix);
        await opened.refresh();
        const filters = [{ field: 'user.id', is: 'u' }] as const;
        assert.equal(await opened.count({ index: 'session-events', filters }), 3, prefix);
        await opened.close();
      }
    });
  });
}
