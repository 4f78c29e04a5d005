/** JSON over HTTP with connections kept open: the first call of a playbook must not wait for a handshake. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from '../../platform/clock/clock.ts';

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

/** `ca`: PEM of the authority that the servers' certificates must come from, besides the usual ones. */
export function createJsonClient(clock: Clock, options: { timeoutMs: number; ca?: string }): JsonClient {
  const agentOptions = { keepAlive: true, maxSockets: SOCKETS_MAX, timeout: IDLE_MS_MAX };
  const plain = new HttpAgent(agentOptions);
  const secure = new HttpsAgent({ ...agentOptions, ...(options.ca === undefined ? {} : { ca: options.ca }) });
  return {
    post(url, body, headers, signal) {
      return new Promise((resolve) => {
        const settings = {
          method: 'POST',
          headers: {
            ...headers,
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
          },
          ...(signal === undefined ? {} : { signal }),
        };
        const request =
          url.protocol === 'https:'
            ? httpsRequest(url, { ...settings, agent: secure })
            : httpRequest(url, { ...settings, agent: plain });
        const done = (answer: JsonAnswer): void => {
          timer.cancel();
          resolve(answer);
        };
        const timer = clock.after(options.timeoutMs, () => {
          done({ ok: false, reason: `no answer within ${options.timeoutMs} ms` });
          request.destroy();
        });
        request.setNoDelay(true);
        request.on('response', (response) => collect(response, done));
        request.on('error', (error) => done({ ok: false, reason: error.message }));
        request.end(body);
      });
    },
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}
