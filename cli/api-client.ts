/** HTTP to the control API. The address and token come from the environment or from the file that `countersign up` writes. */
import type { Readable } from 'node:stream';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { cliError } from './errors.ts';
import { CliError, EXIT } from './exit-codes.ts';

export interface ApiAddress {
  readonly url: string;
  readonly token: string;
  /** Certificate authority of the API's listener, PEM. */
  readonly ca?: string;
  /** A token that still works, where `token` may have ended meanwhile. */
  readonly fresh?: () => Promise<string>;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface ApiClient {
  /** `taken`: statuses that are answers too, not errors. */
  get<T>(path: string, query?: Query, taken?: readonly number[]): Promise<T>;
  send<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T>;
  /** Sends a body that is not JSON; a stream is read as it is sent. */
  sendText<T>(method: 'POST', path: string, contentType: string, body: string | Readable): Promise<T>;
  /** Lines of an NDJSON stream as they come, until it ends or the signal aborts; `begun` once it has been accepted. */
  lines(path: string, query: Query, signal: AbortSignal, begun?: () => void): AsyncIterable<string>;
}

interface Problem {
  code?: string;
  detail?: string;
  title?: string;
  message?: string;
  hint?: string;
}

const EXIT_BY_STATUS: Readonly<Record<number, number>> = {
  400: EXIT.usage,
  401: EXIT.notAllowed,
  403: EXIT.notAllowed,
  404: EXIT.notFound,
};
const BODY_BYTES_MAX = 256 * 1024 * 1024;

async function readBody(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > BODY_BYTES_MAX) throw cliError('CLI_ANSWER_TOO_LARGE', { bytesMax: BODY_BYTES_MAX });
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function toError(status: number, body: string): CliError {
  let problem: Problem = {};
  try {
    problem = JSON.parse(body) as Problem;
  } catch {
    // Something else than our API answered; its text is all there is.
  }
  const message =
    problem.detail ?? problem.message ?? problem.title ?? `HTTP ${status}: ${body.slice(0, 200)}`;
  return new CliError(
    problem.code ?? `HTTP_${status}`,
    message,
    problem.hint ?? '',
    EXIT_BY_STATUS[status] ?? EXIT.failed,
  );
}

export function createApiClient(address: ApiAddress): ApiClient {
  const open = async (
    method: string,
    path: string,
    query: Query,
    body: string | Readable | undefined,
    contentType: string,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> => {
    const url = new URL(path, address.url);
    const token = address.fresh === undefined ? address.token : await address.fresh();
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const request = send(
        url,
        {
          method,
          ...(address.ca === undefined ? {} : { ca: address.ca }),
          ...(signal === undefined ? {} : { signal }),
          headers: {
            ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
            ...(body === undefined ? {} : { 'content-type': contentType }),
            ...(typeof body === 'string' ? { 'content-length': Buffer.byteLength(body) } : {}),
          },
        },
        resolve,
      );
      request.on('error', (error) => {
        if (signal?.aborted === true) reject(error);
        else reject(cliError('CLI_UNREACHABLE', { url: url.origin, reason: error.message }));
      });
      if (body === undefined || typeof body === 'string') request.end(body);
      else {
        body.once('error', ({ message: reason }) => {
          reject(cliError('CLI_FILE_UNREADABLE', { file: 'What was to be sent', reason }));
          request.destroy();
        });
        body.pipe(request);
      }
    });
  };
  const call = async <T>(
    method: string,
    path: string,
    query: Query,
    body?: string | Readable,
    contentType = 'application/json',
    taken: readonly number[] = [],
  ): Promise<T> => {
    const response = await open(method, path, query, body, contentType);
    const text = await readBody(response);
    if (response.statusCode! >= 400 && !taken.includes(response.statusCode!))
      throw toError(response.statusCode!, text);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
  return {
    get: (path, query = {}, taken = []) => call('GET', path, query, undefined, undefined, taken),
    send: (method, path, body) =>
      call(method, path, {}, body === undefined ? undefined : JSON.stringify(body)),
    sendText: (method, path, contentType, body) => call(method, path, {}, body, contentType),
    async *lines(path, query, signal, begun) {
      const response = await open('GET', path, query, undefined, '', signal);
      if (response.statusCode! >= 400) throw toError(response.statusCode!, await readBody(response));
      begun?.();
      let rest = '';
      try {
        for await (const piece of response.setEncoding('utf8') as AsyncIterable<string>) {
          const parts = (rest + piece).split('\n');
          rest = parts.pop()!;
          yield* parts.filter((line) => line !== '');
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    },
  };
}
