/**
 * Every panel, search, control and rule, asked of a real Elasticsearch with documents of every kind in it. Kibana is not here: the requests
 * are those that it makes of the same columns, written down again.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import Value from 'typebox/value';
import { createSystemClock, createSystemRandom } from '../../../platform/clock/system-clock.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { createPromMetrics } from '../../../platform/metrics/prom-metrics.ts';
import { createElasticsearchIndex } from '../../../platform/search-index/elasticsearch/elasticsearch-index.ts';
import { createCodec } from '../../../schemas/codec.ts';
import { ElasticsearchConfig } from '../../../schemas/config/elasticsearch.ts';
import { DOCUMENT_MAPPINGS } from '../../../schemas/ecs/documents.ts';
import { sampleRecords } from '../../../schemas/ecs/test/sample-record.ts';
import { lacking } from '../../../test/servers/available.ts';
import {
  startElasticsearch,
  type TestElasticsearch,
} from '../../../test/servers/elasticsearch/elasticsearch.ts';
import { detectionRuleLines } from '../detection-rules.ts';
import { savedObjects } from '../generate.ts';
import type { SavedObject } from '../saved-object.ts';
import { parseKql, toDsl } from './kql.ts';

interface Column {
  readonly operationType: string;
  readonly sourceField: string;
  readonly filter?: { readonly query: string };
  readonly params: { readonly size?: number; readonly percentile?: number };
}
interface LensState {
  readonly query: { readonly query: string };
  readonly datasourceStates: {
    readonly formBased: { readonly layers: Record<string, { readonly columns: Record<string, Column> }> };
  };
}

const dsl = (query: string): object => toDsl(parseKql(query));

/** The metric of a column, as Lens asks for it. */
function metricOf({ operationType, sourceField: field, params, filter }: Column): object {
  const inner = ((): object => {
    switch (operationType) {
      case 'count':
        return { filter: { match_all: {} } };
      case 'unique_count':
        return { cardinality: { field } };
      case 'percentile':
        return { percentiles: { field, percents: [params.percentile] } };
      case 'last_value':
        return { top_metrics: undefined, terms: { field, size: 1 } };
      default:
        return { [operationType === 'average' ? 'avg' : operationType]: { field } };
    }
  })();
  return filter === undefined ? inner : { filter: dsl(filter.query), aggs: { inner } };
}

/** Buckets around metrics, outermost first. */
function aggregationsOf(columns: readonly Column[]): Record<string, object> {
  const buckets = columns.filter(({ operationType }) => ['terms', 'date_histogram'].includes(operationType));
  const metrics = columns.filter((column) => !buckets.includes(column));
  let aggregations: Record<string, object> = Object.fromEntries(
    metrics.map((column, place) => [`metric${place}`, metricOf(column)]),
  );
  for (const { operationType, sourceField: field, params } of buckets.toReversed()) {
    const bucket =
      operationType === 'terms'
        ? { terms: { field, size: params.size } }
        : { date_histogram: { field, calendar_interval: 'day', min_doc_count: 1 } };
    aggregations = { bucket: { ...bucket, aggs: aggregations } };
  }
  return aggregations;
}

describe('Kibana’s objects on Elasticsearch', { skip: lacking('elasticsearch'), timeout: 400_000 }, () => {
  const objects = savedObjects('kibana-test');
  const views = new Map(
    objects
      .filter(({ type }) => type === 'index-pattern')
      .map(({ id, attributes }) => [id, String(attributes['title'])]),
  );
  let server: TestElasticsearch;

  before(async () => {
    server = await startElasticsearch();
    const settings = { nodes: [server.url], indexPrefix: 'kibana-test', replicasCount: 0 };
    const index = await createElasticsearchIndex(
      {
        clock: createSystemClock(),
        random: createSystemRandom(),
        log: silentLogger,
        metrics: createPromMetrics(),
        readSecret: () => Promise.reject(new Error('there is none')),
      },
      Value.Parse(ElasticsearchConfig, Value.Default(ElasticsearchConfig, settings)),
    );
    for (const mapping of DOCUMENT_MAPPINGS) {
      const items = sampleRecords(createCodec(mapping.schema).schemaJson).map(({ kind, record }) => {
        const { document, version } = mapping.map(record as never);
        return { id: `${mapping.index}-${kind}`, document, ...(version === undefined ? {} : { version }) };
      });
      const outcomes = await index[mapping.write](mapping.index, items);
      assert.deepEqual(
        outcomes.filter(({ outcome }) => outcome === 'rejected'),
        [],
      );
    }
    await index.close();
    await server.request('POST', 'kibana-test-*/_refresh');
  });
  after(() => server.stop());

  interface Answer {
    readonly hits: { readonly total: { readonly value: number }; readonly hits: readonly object[] };
    readonly _shards: { readonly failed: number };
    readonly timed_out: boolean;
  }
  const ask = async (view: string, body: object): Promise<Answer> => {
    const answer = (await server.request('POST', `${view}/_search`, {
      track_total_hits: true,
      ...body,
    })) as unknown as Answer;
    assert.equal(answer._shards.failed, 0);
    return answer;
  };
  const viewOf = ({ references }: SavedObject): string =>
    views.get(references.find(({ type }) => type === 'index-pattern')!.id)!;

  it('every data view has documents with its time field', async () => {
    for (const [id, title] of views) {
      const { hits } = await ask(title, { size: 1, query: { exists: { field: '@timestamp' } } });
      assert.ok(hits.total.value > 0, id);
    }
  });

  it('every panel’s columns can be asked for', async () => {
    const lenses = objects.filter(({ type }) => type === 'lens');
    for (const lens of lenses) {
      const { query, datasourceStates } = lens.attributes['state'] as LensState;
      const { columns } = datasourceStates.formBased.layers['layer']!;
      const answer = await ask(viewOf(lens), {
        size: 0,
        query: dsl(query.query),
        aggs: aggregationsOf(Object.values(columns)),
      });
      assert.ok(answer.hits.total.value >= 0, lens.id);
    }
    assert.ok(lenses.length >= 40);
  });

  it('every search finds something, sorted', async () => {
    for (const search of objects.filter(({ type }) => type === 'search')) {
      const source = (search.attributes['kibanaSavedObjectMeta'] as { searchSourceJSON: string })
        .searchSourceJSON;
      const { query } = JSON.parse(source) as { query: { query: string } };
      const fields = search.attributes['columns'] as string[];
      const { hits } = await ask(viewOf(search), {
        size: 5,
        query: dsl(query.query),
        sort: [{ '@timestamp': 'desc' }],
        fields,
      });
      // Samples have the first value of each enumeration: what asks for others only has to be a query.
      const needsOther = /"high"|"deny"/.test(query.query) && !query.query.includes('session_refused');
      assert.ok(needsOther || hits.total.value > 0, search.id);
    }
  });

  it('every control lists values', async () => {
    for (const dashboard of objects.filter(({ type }) => type === 'dashboard')) {
      const { panelsJSON } = dashboard.attributes['controlGroupInput'] as { panelsJSON: string };
      for (const [id, { explicitInput }] of Object.entries(
        JSON.parse(panelsJSON) as Record<string, { explicitInput: { fieldName: string } }>,
      )) {
        const reference = dashboard.references.find(
          ({ name }) => name === `controlGroup_${id}:optionsListDataView`,
        )!;
        const aggs = { values: { terms: { field: explicitInput.fieldName, size: 10 } } };
        const answer = (await ask(views.get(reference.id)!, { size: 0, aggs })) as unknown as {
          aggregations: { values: { buckets: readonly object[] } };
        };
        assert.ok(
          answer.aggregations.values.buckets.length > 0,
          `${dashboard.id}: ${explicitInput.fieldName}`,
        );
      }
    }
  });

  it('every detection rule’s query can be asked', async () => {
    const rules = detectionRuleLines('kibana-test').trimEnd().split('\n').slice(0, -1);
    for (const line of rules) {
      const rule = JSON.parse(line) as {
        rule_id: string;
        index: string[];
        query: string;
        threshold?: { field: string[] };
      };
      const aggs =
        rule.threshold === undefined ? {} : { aggs: { by: { terms: { field: rule.threshold.field[0]! } } } };
      await ask(rule.index.join(','), { size: 1, query: dsl(rule.query), ...aggs });
    }
    assert.ok(rules.length > 10);
  });
});
