/** Answers `/healthz`, `/readyz` and `/metrics` of a process: for what starts it, watches it and draws its figures. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from '../platform/metrics/metrics.ts';
import type { Health } from '../schemas/api/service.ts';
import { mainError } from './errors.ts';

export interface HealthListener {
  readonly url: string;
  close(): Promise<void>;
}

const CONNECTIONS_MAX = 100;
const REQUEST_TIMEOUT_MS = 10_000;
const HEADERS_BYTES_MAX = 8192;

function answerJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

/** Resolves when it listens; rejects with HEALTH_LISTEN_FAILED. */
export async function startHealthListener(
  deps: { readonly health: () => Health; readonly metrics: Pick<Metrics, 'expose'> },
  { host, port }: { readonly host: string; readonly port: number },
): Promise<HealthListener> {
  const answer = async (method: string, path: string, response: ServerResponse): Promise<void> => {
    if (method !== 'GET' && method !== 'HEAD') {
      answerJson(response, 405, { error: 'GET only' });
    } else if (path === '/healthz') {
      answerJson(response, 200, { ok: true });
    } else if (path === '/readyz') {
      const health = deps.health();
      answerJson(response, health.ready ? 200 : 503, health);
    } else if (path === '/metrics') {
      const text = await deps.metrics.expose();
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
      response.end(text);
    } else answerJson(response, 404, { error: 'there are /healthz, /readyz and /metrics' });
  };
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: HEADERS_BYTES_MAX },
    (request, response) => {
      const path = (request.url ?? '/').split('?', 1)[0]!;
      request.resume();
      answer(request.method ?? 'GET', path, response).catch(() => {
        if (!response.headersSent) answerJson(response, 500, { error: 'no answer could be made' });
        else response.destroy();
      });
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: Error) =>
      reject(mainError('HEALTH_LISTEN_FAILED', { host, port, reason: error.message }, error)),
    );
    server.listen({ host, port }, () => resolve());
  });
  const bound = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
