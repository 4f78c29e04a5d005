/** JSON over HTTP(S) to one of several addresses of the same registry, each answer bounded in time and size. */
import type { SchemaRegistryConfig } from '../../schemas/config/schema-registry.ts';
import type { SecretReference } from '../../schemas/config/secret.ts';
import type { Clock } from '../clock/clock.ts';
import { createHttpCaller, failureText } from '../network/http-caller.ts';
import { readTlsFiles } from '../network/tls-files.ts';

export type Answer =
  | { readonly ok: true; readonly status: number; readonly body: string }
  /** Nobody answered, in time, within the bound. */
  | { readonly ok: false; readonly reason: string };

export interface HttpClient {
  /** Never rejects. `path` begins with a slash. */
  call(method: 'GET' | 'POST' | 'PUT', path: string, body?: object): Promise<Answer>;
  close(): void;
}

const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
const SOCKETS_MAX = 8;
/** Confluent's, which all registries with its API take. */
const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';

/** Throws where a file of `tls` or a secret cannot be read. */
export async function createHttpClient(
  clock: Clock,
  readSecret: (reference: SecretReference) => Promise<string>,
  config: Pick<SchemaRegistryConfig, 'urls' | 'credentials' | 'tls' | 'requestTimeoutMs'>,
): Promise<HttpClient> {
  const { credentials, tls, requestTimeoutMs } = config;
  const urls = config.urls.map((url) => url.replace(/\/+$/, ''));
  const http = createHttpCaller(clock, {
    timeoutMs: requestTimeoutMs,
    answerBytesMax: ANSWER_BYTES_MAX,
    connectionsMax: SOCKETS_MAX,
    tls: readTlsFiles(tls ?? {}),
  });
  const headers: Record<string, string> = { accept: `${MEDIA_TYPE}, application/json` };
  if (credentials?.kind === 'basic') {
    const pair = `${credentials.username}:${await readSecret(credentials.password)}`;
    headers['authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`;
  } else if (credentials?.kind === 'bearer')
    headers['authorization'] = `Bearer ${await readSecret(credentials.token)}`;
  /** The one that answered last is asked first. */
  let preferred = 0;

  const ask = async (
    base: string,
    method: string,
    path: string,
    body: string | undefined,
  ): Promise<Answer> => {
    const answer = await http.call(`${base}${path}`, {
      method,
      headers: { ...headers, 'content-type': MEDIA_TYPE },
      ...(body === undefined ? {} : { body }),
    });
    return answer.ok
      ? { ok: true, status: answer.status, body: answer.body.toString('utf8') }
      : { ok: false, reason: failureText(answer) };
  };

  return {
    async call(method, path, body) {
      const text = body === undefined ? undefined : JSON.stringify(body);
      let last: Answer = { ok: false, reason: 'no address' };
      for (let turn = 0; turn < urls.length; turn += 1) {
        const at = (preferred + turn) % urls.length;
        last = await ask(urls[at]!, method, path, text);
        // A registry that is overloaded or in trouble has another beside it.
        if (!last.ok || last.status >= 500 || last.status === 429) continue;
        preferred = at;
        return last;
      }
      return last;
    },
    close: () => http.close(),
  };
}
