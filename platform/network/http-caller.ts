/** HTTP(S) with connections kept open, each call bounded in time and size. Redirects are answers: nothing is followed. */
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import type { Clock, Timer } from '../clock/clock.ts';

export interface HttpAnswer {
  readonly ok: true;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Nothing usable came back: no connection or no answer in time, a larger one than is taken, none at all, or only a part of it. */
export type HttpFailure = { readonly ok: false } & (
  | { readonly kind: 'unconnected' | 'slow'; readonly afterMs: number }
  | { readonly kind: 'large'; readonly bytesMax: number }
  | { readonly kind: 'refused' | 'broken'; readonly error: NodeJS.ErrnoException }
);

export type HttpResult = HttpAnswer | HttpFailure;

export interface HttpCall {
  /** POST with a body and GET without one where absent. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly signal?: AbortSignal;
}

export interface HttpCaller {
  /** Never rejects; throws where `url` is none. */
  call(url: string | URL, given?: HttpCall): Promise<HttpResult>;
  close(): void;
}

export interface HttpCallerConfig {
  /** For a whole call. */
  readonly timeoutMs: number;
  /** For a new connection; the whole call's where absent. */
  readonly connectTimeoutMs?: number;
  readonly answerBytesMax: number;
  /** To one server. */
  readonly connectionsMax: number;
  /** Closes a connection that was not used for so long; its server does where absent. */
  readonly idleMsMax?: number;
  /** Whose certificates are taken, instead of the usual authorities', and what is shown to a server that asks. */
  readonly tls?: Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>;
}

/** In words that go behind a name and a colon. */
export function failureText(failure: HttpFailure): string {
  switch (failure.kind) {
    case 'unconnected':
      return `no connection within ${failure.afterMs} ms`;
    case 'slow':
      return `no answer within ${failure.afterMs} ms`;
    case 'large':
      return `the answer is over ${failure.bytesMax} bytes`;
    case 'refused':
    case 'broken':
      return failure.error.message;
  }
}

function collect(response: IncomingMessage, bytesMax: number, done: (result: HttpResult) => void): void {
  const pieces: Buffer[] = [];
  let bytes = 0;
  response.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes <= bytesMax) pieces.push(piece);
    else {
      done({ ok: false, kind: 'large', bytesMax });
      response.destroy();
    }
  });
  response.on('end', () =>
    done({
      ok: true,
      status: response.statusCode!,
      headers: response.headers,
      body: Buffer.concat(pieces),
    }),
  );
  response.on('error', (error) => done({ ok: false, kind: 'broken', error }));
}

export function createHttpCaller(clock: Clock, config: HttpCallerConfig): HttpCaller {
  const { timeoutMs, connectTimeoutMs, answerBytesMax, idleMsMax } = config;
  const common = {
    keepAlive: true,
    maxSockets: config.connectionsMax,
    ...(idleMsMax === undefined ? {} : { timeout: idleMsMax }),
  };
  const plain = new HttpAgent(common);
  const secure = new HttpsAgent({ ...common, ...config.tls });

  const ask = (url: URL, { headers = {}, body, method, signal }: HttpCall): Promise<HttpResult> =>
    new Promise((resolve) => {
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const settings = {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: { ...headers, ...length },
        ...(signal === undefined ? {} : { signal }),
      };
      const isSecure = url.protocol === 'https:';
      const request = isSecure
        ? httpsRequest(url, { ...settings, agent: secure })
        : httpRequest(url, { ...settings, agent: plain });
      const timers: Timer[] = [];
      const done = (result: HttpResult): void => {
        for (const timer of timers) timer.cancel();
        resolve(result);
      };
      const giveUpAfter = (afterMs: number, kind: 'unconnected' | 'slow'): Timer => {
        const giveUp = (): void => {
          done({ ok: false, kind, afterMs });
          request.destroy();
        };
        // The socket keeps the process alive as long as there is one.
        const timer = clock.after(afterMs, giveUp, { background: true });
        timers.push(timer);
        return timer;
      };
      giveUpAfter(timeoutMs, 'slow');
      if (connectTimeoutMs !== undefined)
        request.once('socket', (socket) => {
          if (!socket.connecting) return;
          const timer = giveUpAfter(connectTimeoutMs, 'unconnected');
          socket.once(isSecure ? 'secureConnect' : 'connect', () => timer.cancel());
        });
      request.setNoDelay(true);
      request.on('response', (response) => collect(response, answerBytesMax, done));
      request.on('error', (error) => done({ ok: false, kind: 'refused', error }));
      request.end(body);
    });

  return {
    call: (url, given = {}) => ask(new URL(url), given),
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}
