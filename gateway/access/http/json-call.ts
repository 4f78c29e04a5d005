/** One call of an issuer's endpoint: bounded in time and size, without redirects, over TLS but for this machine. */
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from '../../../platform/clock/clock.ts';
import { isLoopback } from '../../../platform/network/address.ts';

export type JsonAnswer =
  | { readonly ok: true; readonly status: number; readonly body: unknown }
  | { readonly ok: false; readonly reason: string };

export interface JsonCaller {
  /** Never rejects. A body that is no JSON is `ok: false`. */
  call(
    url: string,
    options?: {
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: unknown;
      /** Take any answer, also one that is no JSON; its `body` is undefined then. */
      readonly anyAnswer?: boolean;
    },
  ): Promise<JsonAnswer>;
  close(): void;
}

const ANSWER_BYTES_MAX = 1024 * 1024;
const SOCKETS_MAX = 8;
const IDLE_MS = 30_000;

/** Undefined where a token or its keys may travel there. */
export function addressFault(address: string): string | undefined {
  const url = URL.parse(address);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    return `${address} is no address`;
  if (url.username !== '' || url.password !== '') return `${url.origin} must be without a password`;
  if (url.protocol === 'http:' && !isLoopback(url.hostname.replaceAll(/[[\]]/g, '')))
    return `${url.origin} must be https`;
  return undefined;
}

/** Throws where the file cannot be read. */
export function createJsonCaller(
  clock: Clock,
  options: { readonly caFile?: string; readonly timeoutMs: number },
): JsonCaller {
  const ca = options.caFile === undefined ? undefined : readFileSync(options.caFile, 'utf8');
  const common = { keepAlive: true, maxSockets: SOCKETS_MAX, timeout: IDLE_MS };
  const plain = new HttpAgent(common);
  const secure = new HttpsAgent({ ...common, ...(ca === undefined ? {} : { ca }) });
  return {
    call(address, { headers = {}, body, anyAnswer = false } = {}) {
      const fault = addressFault(address);
      if (fault !== undefined) return Promise.resolve({ ok: false, reason: fault });
      const url = new URL(address);
      const text = body === undefined ? undefined : JSON.stringify(body);
      const sent = {
        accept: 'application/json',
        ...headers,
        ...(text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
      };
      return new Promise((resolve) => {
        const done = (answer: JsonAnswer): void => {
          timer.cancel();
          resolve(answer);
        };
        const method = text === undefined ? 'GET' : 'POST';
        const settings = { method, headers: sent };
        const request =
          url.protocol === 'https:'
            ? httpsRequest(url, { ...settings, agent: secure })
            : httpRequest(url, { ...settings, agent: plain });
        const timer = clock.after(
          options.timeoutMs,
          () => {
            done({ ok: false, reason: `no answer within ${options.timeoutMs} ms` });
            request.destroy();
          },
          { background: true },
        );
        request.on('error', (error) => done({ ok: false, reason: error.message }));
        request.on('response', (response) => {
          const pieces: Buffer[] = [];
          let bytes = 0;
          response.on('data', (piece: Buffer) => {
            bytes += piece.length;
            if (bytes <= ANSWER_BYTES_MAX) pieces.push(piece);
            else {
              done({ ok: false, reason: `the answer is over ${ANSWER_BYTES_MAX} bytes` });
              response.destroy();
            }
          });
          response.on('error', (error) => done({ ok: false, reason: error.message }));
          response.on('end', () => {
            try {
              const parsed: unknown = JSON.parse(Buffer.concat(pieces).toString('utf8'));
              done({ ok: true, status: response.statusCode!, body: parsed });
            } catch {
              done(
                anyAnswer
                  ? { ok: true, status: response.statusCode!, body: undefined }
                  : { ok: false, reason: `HTTP ${response.statusCode}, and no JSON` },
              );
            }
          });
        });
        request.end(text);
      });
    },
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}
