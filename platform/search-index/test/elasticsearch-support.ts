/** An index on a real server, for tests. */
import Value from 'typebox/value';
import { ElasticsearchConfig } from '../../../schemas/config/elasticsearch.ts';
import type { TestElasticsearch } from '../../../test/servers/elasticsearch/elasticsearch.ts';
import { createSystemClock, createSystemRandom } from '../../clock/system-clock.ts';
import type { Logger } from '../../log/log.ts';
import { silentLogger } from '../../log/pino-logger.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { createPromMetrics } from '../../metrics/prom-metrics.ts';
import { createElasticsearchIndex } from '../elasticsearch/elasticsearch-index.ts';
import type { SearchIndex, WriteItem } from '../search-index.ts';

export const clock = createSystemClock();

export const configOf = (server: Pick<TestElasticsearch, 'url'>, given: object = {}): ElasticsearchConfig =>
  Value.Parse(
    ElasticsearchConfig,
    Value.Default(ElasticsearchConfig, {
      nodes: [server.url],
      replicasCount: 0,
      requestTimeoutMs: 20_000,
      circuitDelayMs: 50,
      bulk: { retryDelayMsMin: 5, retryDelayMsMax: 50, attemptsMax: 3 },
      ...given,
    }),
  );

export interface IndexOptions {
  readonly config?: object;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly log?: Logger;
  readonly metrics?: Metrics;
}

export function openIndex(
  server: Pick<TestElasticsearch, 'url'>,
  { config = {}, secrets = {}, log = silentLogger, metrics = createPromMetrics() }: IndexOptions = {},
): Promise<SearchIndex> {
  const readSecret = (reference: object): Promise<string> => {
    const name = 'env' in reference ? String(reference.env) : '';
    const secret = secrets[name];
    return secret === undefined ? Promise.reject(new Error(`no secret ${name}`)) : Promise.resolve(secret);
  };
  return createElasticsearchIndex(
    { clock, random: createSystemRandom(), log, metrics, readSecret },
    configOf(server, config),
  );
}

/** Log lines as they come, for tests of what is said. */
export function listeningLogger(): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const add = (fields: object, message: string): void =>
    void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Logger = { debug: add, info: add, warn: add, error: add, child: () => log };
  return { log, lines };
}

export const documents = (from: number, to: number, time = clock.now()): WriteItem[] =>
  Array.from({ length: to - from }, (_, n) => ({
    id: `d${from + n}`,
    document: { '@timestamp': time, 'event.id': `d${from + n}`, 'user.id': 'u', message: 'select 1' },
  }));
