import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { lacking } from '../../available.ts';
import { startElasticsearch, type TestElasticsearch } from '../elasticsearch.ts';

describe('Elasticsearch server for tests', { skip: lacking('elasticsearch') }, () => {
  let server: TestElasticsearch;
  before(async () => {
    server = await startElasticsearch();
  });
  after(() => server.stop());

  it('keeps what was acknowledged over a SIGKILL', async () => {
    await server.request('PUT', 'kept/_doc/a', { n: 7 });
    const first = server.pid();
    await server.kill9();
    await assert.rejects(server.request('GET', 'kept/_doc/a'));
    await server.restart();
    assert.notEqual(server.pid(), first);
    const { _source } = (await server.request('GET', 'kept/_doc/a')) as unknown as { _source: unknown };
    assert.deepEqual(_source, { n: 7 });
  });
});
