/** One call of an issuer's endpoint: JSON, and over TLS but for this machine. */
import type { Clock } from '../../../platform/clock/clock.ts';
import { isLoopback } from '../../../platform/network/address.ts';
import { createHttpCaller, failureText } from '../../../platform/network/http-caller.ts';
import { readTlsFiles } from '../../../platform/network/tls-files.ts';

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
  const http = createHttpCaller(clock, {
    timeoutMs: options.timeoutMs,
    answerBytesMax: ANSWER_BYTES_MAX,
    connectionsMax: SOCKETS_MAX,
    idleMsMax: IDLE_MS,
    tls: readTlsFiles(options),
  });
  return {
    async call(address, { headers = {}, body, anyAnswer = false } = {}) {
      const fault = addressFault(address);
      if (fault !== undefined) return { ok: false, reason: fault };
      const json = body === undefined ? {} : { body: JSON.stringify(body) };
      const type = body === undefined ? {} : { 'content-type': 'application/json' };
      const answer = await http.call(address, {
        headers: { accept: 'application/json', ...headers, ...type },
        ...json,
      });
      if (!answer.ok) return { ok: false, reason: failureText(answer) };
      const { status } = answer;
      try {
        return { ok: true, status, body: JSON.parse(answer.body.toString('utf8')) as unknown };
      } catch {
        return anyAnswer
          ? { ok: true, status, body: undefined }
          : { ok: false, reason: `HTTP ${status}, and no JSON` };
      }
    },
    close: () => http.close(),
  };
}
