/** One HTTP connection pool to Elasticsearch with a circuit breaker, and answers as values. */
import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { Client, errors, Transport, type ClientOptions } from '@elastic/elasticsearch';
import type { ElasticsearchConfig } from '../../../schemas/config/elasticsearch.ts';
import type { SecretReference } from '../../../schemas/config/secret.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Logger } from '../../log/log.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { searchIndexError } from '../errors.ts';

export interface ConnectionDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly readSecret: (reference: SecretReference) => Promise<string>;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface Connection {
  /**
   * `body` is an object (JSON) or bytes (NDJSON), which nobody may change until the answer is there. Resolves for 2xx and the statuses that are `allowed`. Rejects with
   * SEARCH_INDEX_UNAVAILABLE (no answer, 429, 5xx and whatever is not expected) or SEARCH_INDEX_FORBIDDEN (401, 403).
   */
  request(
    method: string,
    path: string,
    body?: object,
    options?: { readonly allowed?: readonly number[] },
  ): Promise<Answer>;
  close(): Promise<void>;
}

/**
 * Plain media types: the `compatible-with=9` that client 9 would ask for is refused by a server 8. All that is used here is the
 * same in both.
 */
class PlainTransport extends Transport {
  constructor(options: ConstructorParameters<typeof Transport>[0]) {
    super({
      ...options,
      vendoredHeaders: {
        jsonContentType: 'application/json',
        ndjsonContentType: 'application/x-ndjson',
        accept: 'application/json',
      },
    });
  }
}

/** The wait grows to this many times `circuitDelayMs`. */
const CIRCUIT_FACTOR_MAX = 8;
const REASON_CHARS_MAX = 500;

const isLoopback = ({ hostname }: URL): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'));

async function clientOptions(
  { readSecret }: ConnectionDeps,
  config: ElasticsearchConfig,
): Promise<ClientOptions> {
  const wrong = (reason: string): Error => searchIndexError('SEARCH_INDEX_CREDENTIAL', { reason });
  const { apiKey, username, password } = config;
  const secret = apiKey ?? password;
  if (apiKey !== undefined && username !== undefined) throw wrong('there are both an API key and a user');
  if ((username === undefined) !== (password === undefined)) throw wrong('a user has a password');
  const open = config.nodes.find((node) => node.startsWith('http:') && !isLoopback(new URL(node)));
  if (secret !== undefined && open !== undefined)
    throw wrong(`${new URL(open).host} is not reached by https`);
  if (config.nodes.some((node) => new URL(node).username !== '')) throw wrong('an address holds a user name');
  const ca = config.caFile === undefined ? undefined : readFileSync(config.caFile, 'utf8');
  return {
    nodes: [...config.nodes],
    Transport: PlainTransport,
    requestTimeout: config.requestTimeoutMs,
    // Giving documents twice is harmless, so another node may be asked at once.
    maxRetries: Math.min(3, config.nodes.length - 1),
    ...(apiKey === undefined ? {} : { auth: { apiKey: await readSecret(apiKey) } }),
    ...(username === undefined ? {} : { auth: { username, password: await readSecret(password!) } }),
    ...(ca === undefined ? {} : { tls: { ca } }),
    agent: { connections: config.connectionsMax },
    compression: config.compression,
    enableMetaHeader: false,
  };
}

/** What the server said, short: never the request, which may hold what people typed. */
export function reasonOf(body: unknown, status: number): string {
  const { error } = (body ?? {}) as { error?: string | { type?: string; reason?: string } };
  const said = typeof error === 'string' ? error : [error?.type, error?.reason].filter(Boolean).join(': ');
  return `${status}${said === '' ? '' : ` ${said.slice(0, REASON_CHARS_MAX)}`}`;
}

export async function connect(deps: ConnectionDeps, config: ElasticsearchConfig): Promise<Connection> {
  const { clock, log } = deps;
  const client = new Client(await clientOptions(deps, config));
  const circuit = deps.metrics.gauge(
    'countersign_search_index_circuit_open',
    '1 while Elasticsearch is away.',
  );
  const requests = deps.metrics.counter(
    'countersign_search_index_requests_total',
    'Requests to Elasticsearch by what became of them.',
    ['outcome'],
  );
  circuit.set(0);
  let failures = 0;
  let openUntilUs = 0;
  let why = '';
  let probing = false;
  let waiting = 0;
  let closed = false;

  const unavailable = (reason: string, cause?: unknown): Error =>
    searchIndexError('SEARCH_INDEX_UNAVAILABLE', { reason }, cause);
  const admit = (): void => {
    if (closed) throw unavailable('it is closed');
    if (waiting >= config.requestsWaitingMax) throw unavailable('too many requests wait for it');
    if (failures === 0) return;
    if (probing || clock.monotonicUs() < openUntilUs) {
      requests.add(1, { outcome: 'refused' });
      throw unavailable(why);
    }
    probing = true;
  };
  const failed = (reason: string): void => {
    failures += 1;
    why = reason;
    const factor = Math.min(CIRCUIT_FACTOR_MAX, 2 ** (failures - 1));
    openUntilUs = clock.monotonicUs() + config.circuitDelayMs * factor * 1000;
    requests.add(1, { outcome: 'failed' });
    circuit.set(1);
    if (failures === 1) log.warn({ reason }, 'Elasticsearch does not answer; requests wait');
  };
  const answered = (): void => {
    if (failures > 0) log.info({ failures }, 'Elasticsearch answers again');
    failures = 0;
    circuit.set(0);
    requests.add(1, { outcome: 'answered' });
  };

  /** Any answer closes the circuit, be it an error: the server is there. */
  const ask = async (method: string, path: string, body?: object): Promise<Answer> => {
    admit();
    waiting += 1;
    try {
      const [pathname, querystring = ''] = path.split('?') as [string, string?];
      const payload =
        body === undefined
          ? {}
          : Buffer.isBuffer(body)
            ? { bulkBody: body }
            : { body: body as Record<string, unknown> };
      const { statusCode, body: answer } = await client.transport.request(
        { method, path: pathname, querystring, ...payload },
        { meta: true },
      );
      answered();
      return { status: statusCode, body: answer };
    } catch (error) {
      if (error instanceof errors.ResponseError) {
        answered();
        return { status: error.statusCode ?? 0, body: error.body as unknown };
      }
      const reason = (error as Error).message.slice(0, REASON_CHARS_MAX);
      failed(reason);
      throw unavailable(reason, error);
    } finally {
      waiting -= 1;
      probing = false;
    }
  };

  return {
    async request(method, path, body, { allowed = [] } = {}) {
      const answer = await ask(method, path, body);
      if ((answer.status >= 200 && answer.status < 300) || allowed.includes(answer.status)) return answer;
      const reason = reasonOf(answer.body, answer.status);
      throw [401, 403].includes(answer.status) && !reason.includes('cluster_block')
        ? searchIndexError('SEARCH_INDEX_FORBIDDEN', { reason })
        : unavailable(reason);
    },
    async close() {
      closed = true;
      await client.close();
    },
  };
}
