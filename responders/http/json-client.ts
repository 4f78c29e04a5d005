/** JSON over HTTP with connections kept open: the first call of a playbook must not wait for a handshake. */
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock, Timer } from '../../platform/clock/clock.ts';

export type JsonAnswer =
  | { readonly ok: true; readonly status: number; readonly body: string }
  /** Nothing usable came back: refused, reset, too slow, too large. */
  | { readonly ok: false; readonly reason: string };

export interface JsonClient {
  /** Never rejects. */
  post(
    url: URL,
    body: string,
    headers: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<JsonAnswer>;
  /** Never rejects. */
  get(url: URL): Promise<JsonAnswer>;
  close(): void;
}

const ANSWER_BYTES_MAX = 1024 * 1024;
const SOCKETS_MAX = 64;
const IDLE_MS_MAX = 60_000;

function collect(response: IncomingMessage, done: (answer: JsonAnswer) => void): void {
  const pieces: Buffer[] = [];
  let bytes = 0;
  response.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > ANSWER_BYTES_MAX) {
      response.destroy();
      done({ ok: false, reason: `the answer is over ${ANSWER_BYTES_MAX} bytes` });
    } else pieces.push(piece);
  });
  response.on('end', () =>
    done({ ok: true, status: response.statusCode!, body: Buffer.concat(pieces).toString('utf8') }),
  );
  response.on('error', (error) => done({ ok: false, reason: error.message }));
}

export interface JsonClientOptions {
  /** For a whole call. */
  readonly timeoutMs: number;
  /** For a new connection; the whole call's where absent. */
  readonly connectTimeoutMs?: number;
  /** PEM of the authorities that the servers' certificates may come from, instead of the usual ones. */
  readonly ca?: string | readonly string[];
}

export function createJsonClient(clock: Clock, options: JsonClientOptions): JsonClient {
  const agentOptions = { keepAlive: true, maxSockets: SOCKETS_MAX, timeout: IDLE_MS_MAX };
  const plain = new HttpAgent(agentOptions);
  const ca = options.ca === undefined || typeof options.ca === 'string' ? options.ca : [...options.ca];
  const secure = new HttpsAgent({ ...agentOptions, ...(ca === undefined ? {} : { ca }) });
  const call = (url: URL, body: string | undefined, settings: RequestOptions): Promise<JsonAnswer> =>
    new Promise((resolve) => {
      const request =
        url.protocol === 'https:'
          ? httpsRequest(url, { ...settings, agent: secure })
          : httpRequest(url, { ...settings, agent: plain });
      const timers: Timer[] = [];
      const done = (answer: JsonAnswer): void => {
        for (const timer of timers) timer.cancel();
        resolve(answer);
      };
      const giveUpAfter = (ms: number, reason: string): Timer => {
        const timer = clock.after(ms, () => {
          done({ ok: false, reason });
          request.destroy();
        });
        timers.push(timer);
        return timer;
      };
      giveUpAfter(options.timeoutMs, `no answer within ${options.timeoutMs} ms`);
      const { connectTimeoutMs } = options;
      if (connectTimeoutMs !== undefined)
        request.once('socket', (socket) => {
          if (!socket.connecting) return;
          const timer = giveUpAfter(connectTimeoutMs, `no connection within ${connectTimeoutMs} ms`);
          socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => timer.cancel());
        });
      request.setNoDelay(true);
      request.on('response', (response) => collect(response, done));
      request.on('error', (error) => done({ ok: false, reason: error.message }));
      request.end(body);
    });
  return {
    post: (url, body, headers, signal) =>
      call(url, body, {
        method: 'POST',
        headers: {
          ...headers,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        },
        ...(signal === undefined ? {} : { signal }),
      }),
    get: (url) => call(url, undefined, { method: 'GET' }),
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}
