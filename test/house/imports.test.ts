import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSources, roomOf } from './sources.ts';

/** Which rooms a room may import from, besides itself (docs/architecture.md). */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  schemas: [],
  platform: ['schemas'],
  gateway: ['platform', 'schemas'],
  detectors: ['platform', 'schemas'],
  responders: ['platform', 'schemas'],
  ingest: ['platform', 'schemas'],
  deploy: ['schemas'],
  cli: ['schemas'],
  console: ['schemas'],
  main: ['schemas', 'platform', 'gateway', 'detectors', 'responders', 'ingest', 'cli', 'console'],
};

/** A client library is named in its adapter's folder and nowhere else. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  kafkajs: ['platform/event-log/kafka/'],
  '@platformatic/kafka': ['platform/event-log/kafka/'],
  '@elastic/elasticsearch': ['platform/search-index/elasticsearch/'],
  'node:sqlite': ['platform/control-store/sqlite/', 'platform/search-index/embedded/'],
  fastify: ['gateway/control-api/'],
  '@fastify/swagger': ['gateway/control-api/'],
  pino: ['platform/log/'],
  'prom-client': ['platform/metrics/'],
  avsc: ['schemas/'],
  'libpg-query': ['gateway/protocols/postgres/analysis/'],
  'node-cron': ['ingest/'],
  commander: ['cli/', 'main/commands/'],
  pg: ['cli/commands/', 'main/sample-target/', 'main/exercise/', 'platform/control-store/postgres/'],
  'simple-statistics': ['detectors/'],
  ssh2: ['gateway/protocols/ssh/'],
  unbash: ['gateway/protocols/ssh/'],
  '@xterm/headless': ['gateway/protocols/ssh/terminal/'],
  selfsigned: ['main/'],
  jose: ['gateway/access/', 'gateway/policy/rego/'],
  tar: ['gateway/policy/rego/'],
  '@open-policy-agent/opa-wasm': ['gateway/policy/rego/'],
  'openid-client': ['cli/login/'],
};

describe('house: who imports whom', () => {
  const sources = readSources().filter((source) => !source.isTest);
  it('sees the sources', () => assert.ok(sources.length > 40));

  it('rooms import only what stands below them', () => {
    const wrong = sources.flatMap((source) => {
      const room = roomOf(source.path);
      const allowed = MAY_IMPORT[room];
      if (allowed === undefined) return [`${source.path}: no such room; say in this test what it may import`];
      return source.imports
        .filter(({ own, name }) => own && roomOf(name) !== room && !allowed.includes(roomOf(name)))
        .map(({ name }) => `${source.path} imports ${name}`);
    });
    assert.deepEqual(wrong, []);
  });

  it('cli and console take only types from the schemas', () => {
    const wrong = sources
      .filter((source) => ['cli', 'console'].includes(roomOf(source.path)))
      .flatMap((source) =>
        source.imports
          .filter(({ own, name, typeOnly }) => own && roomOf(name) === 'schemas' && !typeOnly)
          .map(({ name }) => `${source.path} imports ${name}`),
      );
    assert.deepEqual(wrong, []);
  });

  it('a client library never leaks past its port', () => {
    const wrong = sources.flatMap((source) =>
      source.imports
        .filter(
          ({ own, name }) =>
            !own &&
            ONLY_IN[name] !== undefined &&
            !ONLY_IN[name].some((folder) => source.path.startsWith(folder)),
        )
        .map(({ name }) => `${source.path} names ${name}`),
    );
    assert.deepEqual(wrong, []);
  });
});
