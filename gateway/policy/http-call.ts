/** Calls of one server (OPA, a bundle server, a collector of decision logs): kept connections, bounded in time and size, no redirects. */
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from '../../platform/clock/clock.ts';

export interface HttpAnswer {
  readonly ok: true;
  readonly status: number;
  readonly etag: string | null;
  readonly body: Buffer;
}
export type HttpResult = HttpAnswer | { readonly ok: false; readonly reason: string };

export interface HttpCaller {
  /** Never rejects. */
  call(
    url: string,
    given?: { readonly headers?: Readonly<Record<string, string>>; readonly body?: Buffer | string },
  ): Promise<HttpResult>;
  close(): void;
}

export interface HttpCallerConfig {
  readonly caFile?: string;
  readonly timeoutMs: number;
  readonly answerBytesMax: number;
  readonly connectionsMax: number;
}

/** Throws where the authority's file cannot be read. */
export function createHttpCaller(clock: Clock, config: HttpCallerConfig): HttpCaller {
  const { timeoutMs, answerBytesMax } = config;
  const ca = config.caFile === undefined ? undefined : readFileSync(config.caFile, 'utf8');
  const common = { keepAlive: true, maxSockets: config.connectionsMax };
  const plain = new HttpAgent(common);
  const secure = new HttpsAgent({ ...common, ...(ca === undefined ? {} : { ca }) });
  return {
    call: (address, { headers = {}, body } = {}) =>
      new Promise((resolve) => {
        const url = new URL(address);
        const method = body === undefined ? 'GET' : 'POST';
        const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
        const settings = { method, headers: { ...headers, ...length } };
        const request =
          url.protocol === 'https:'
            ? httpsRequest(url, { ...settings, agent: secure })
            : httpRequest(url, { ...settings, agent: plain });
        const done = (result: HttpResult): void => {
          timer.cancel();
          resolve(result);
        };
        const fail = (reason: string): void => {
          done({ ok: false, reason });
          request.destroy();
        };
        const timer = clock.after(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`), {
          background: true,
        });
        request.on('error', (error: NodeJS.ErrnoException) =>
          done({ ok: false, reason: error.code ?? error.message }),
        );
        request.on('response', (response) => {
          const pieces: Buffer[] = [];
          let bytes = 0;
          response.on('data', (piece: Buffer) => {
            bytes += piece.length;
            if (bytes > answerBytesMax) fail(`its answer is over ${answerBytesMax} bytes`);
            else pieces.push(piece);
          });
          response.on('error', (error) => fail(error.message));
          response.on('end', () =>
            done({
              ok: true,
              status: response.statusCode ?? 0,
              etag: response.headers.etag ?? null,
              body: Buffer.concat(pieces),
            }),
          );
        });
        request.end(body);
      }),
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}

export const bearer = (token: string | null): Readonly<Record<string, string>> =>
  token === null ? {} : { authorization: `Bearer ${token}` };
