/** JSON over HTTP with connections kept open: the first call of a playbook must not wait for a handshake. */
import type { Clock } from '../../platform/clock/clock.ts';
import { createHttpCaller, failureText, type HttpCall } from '../../platform/network/http-caller.ts';

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

export interface JsonClientOptions {
  /** For a whole call. */
  readonly timeoutMs: number;
  /** For a new connection; the whole call's where absent. */
  readonly connectTimeoutMs?: number;
  /** PEM of the authorities that the servers' certificates may come from, instead of the usual ones. */
  readonly ca?: string | readonly string[];
}

export function createJsonClient(clock: Clock, { ca, ...limits }: JsonClientOptions): JsonClient {
  const http = createHttpCaller(clock, {
    ...limits,
    answerBytesMax: ANSWER_BYTES_MAX,
    connectionsMax: SOCKETS_MAX,
    idleMsMax: IDLE_MS_MAX,
    ...(ca === undefined ? {} : { tls: { ca: typeof ca === 'string' ? ca : [...ca] } }),
  });
  const call = async (url: URL, given?: HttpCall): Promise<JsonAnswer> => {
    const answer = await http.call(url, given);
    return answer.ok
      ? { ok: true, status: answer.status, body: answer.body.toString('utf8') }
      : { ok: false, reason: failureText(answer) };
  };
  return {
    post: (url, body, headers, signal) =>
      call(url, {
        body,
        headers: { ...headers, 'content-type': 'application/json' },
        ...(signal === undefined ? {} : { signal }),
      }),
    get: (url) => call(url),
    close: () => http.close(),
  };
}
