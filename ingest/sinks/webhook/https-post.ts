/** One HTTPS POST, bounded in time and in what it reads. */
import { Agent, request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { LookupFunction } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { Clock } from '../../../platform/clock/clock.ts';
import type { HttpAnswer } from './answers.ts';

export type PostResult =
  | { readonly ok: true; readonly answer: HttpAnswer }
  /** `sent`: the connection was there and had, or may have had, the batch. */
  | { readonly ok: false; readonly reason: string; readonly sent: boolean };

export interface HttpsPoster {
  /** Never rejects. */
  post(body: Uint8Array, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<PostResult>;
  /** Takes no further posts; those under way end as they may, then its connections are closed. */
  retire(): void;
  close(): void;
}

const ANSWER_BYTES_MAX = 64 * 1024;
const SHOWN_BYTES_MAX = 1024;
const SOCKETS_MAX = 8;
const IDLE_MS_MAX = 30_000;

/** Reads the answer to its end or its bound; a connection that is read to its end can be used again. */
function readAnswer(response: IncomingMessage, done: (result: PostResult) => void): void {
  const shown: Buffer[] = [];
  let bytes = 0;
  const answer = (): PostResult => ({
    ok: true,
    answer: {
      status: response.statusCode!,
      retryAfter: response.headers['retry-after'],
      text: Buffer.concat(shown).subarray(0, SHOWN_BYTES_MAX).toString(),
    },
  });
  response.on('data', (piece: Buffer) => {
    if (bytes < SHOWN_BYTES_MAX) shown.push(piece);
    bytes += piece.length;
    // The status has said it all.
    if (bytes > ANSWER_BYTES_MAX) {
      done(answer());
      response.destroy();
    }
  });
  response.on('end', () => done(answer()));
  // The status came: what broke off is only its explanation.
  response.on('error', () => done(answer()));
  response.on('aborted', () => done(answer()));
}

export function createHttpsPoster(
  clock: Clock,
  options: {
    readonly url: URL;
    readonly timeoutMs: number;
    readonly tls: ConnectionOptions;
    readonly lookup: LookupFunction;
  },
): HttpsPoster {
  const agent = new Agent({
    ...options.tls,
    keepAlive: true,
    maxSockets: SOCKETS_MAX,
    timeout: IDLE_MS_MAX,
    lookup: options.lookup,
  });
  let underWay = 0;
  let retired = false;
  const ended = (): void => {
    underWay -= 1;
    if (retired && underWay === 0) agent.destroy();
  };
  return {
    post(body, headers, signal) {
      underWay += 1;
      return new Promise<PostResult>((resolve) => {
        let sent = false;
        const done = (result: PostResult): void => {
          timer.cancel();
          resolve(result);
        };
        const timer = clock.after(options.timeoutMs, () => {
          done({ ok: false, reason: `no answer within ${options.timeoutMs} ms`, sent });
          request.destroy();
        });
        const request = httpsRequest(options.url, {
          method: 'POST',
          agent,
          signal,
          headers: { ...headers, 'content-length': body.length },
        });
        request.on('socket', (socket) => {
          if (request.reusedSocket) sent = true;
          else (socket as TLSSocket).once('secureConnect', () => (sent = true));
        });
        request.on('response', (response) => readAnswer(response, done));
        request.on('error', (error) => done({ ok: false, reason: error.message, sent }));
        request.end(body);
      }).finally(ended);
    },
    retire() {
      retired = true;
      if (underWay === 0) agent.destroy();
    },
    close: () => agent.destroy(),
  };
}
