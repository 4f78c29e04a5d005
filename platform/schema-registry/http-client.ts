/** JSON over HTTP(S) to one of several addresses of the same registry, each answer bounded in time and size. */
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { SchemaRegistryConfig } from '../../schemas/config/schema-registry.ts';
import type { SecretReference } from '../../schemas/config/secret.ts';
import type { Clock } from '../clock/clock.ts';

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

type Done = (answer: Answer) => void;

function collect(response: IncomingMessage, done: Done): void {
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
  response.on('end', () =>
    done({ ok: true, status: response.statusCode!, body: Buffer.concat(pieces).toString('utf8') }),
  );
  response.on('error', (error) => done({ ok: false, reason: error.message }));
}

/** Throws where a file of `tls` or a secret cannot be read. */
export async function createHttpClient(
  clock: Clock,
  readSecret: (reference: SecretReference) => Promise<string>,
  config: Pick<SchemaRegistryConfig, 'urls' | 'credentials' | 'tls' | 'requestTimeoutMs'>,
): Promise<HttpClient> {
  const { credentials, tls, requestTimeoutMs } = config;
  const urls = config.urls.map((url) => url.replace(/\/+$/, ''));
  const file = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : readFileSync(path, 'utf8');
  const [ca, cert, key] = [file(tls?.caFile), file(tls?.certificateFile), file(tls?.keyFile)];
  const common = { keepAlive: true, maxSockets: SOCKETS_MAX };
  const plain = new HttpAgent(common);
  const secure = new HttpsAgent({
    ...common,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  });
  const headers: Record<string, string> = { accept: `${MEDIA_TYPE}, application/json` };
  if (credentials?.kind === 'basic') {
    const pair = `${credentials.username}:${await readSecret(credentials.password)}`;
    headers['authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`;
  } else if (credentials?.kind === 'bearer')
    headers['authorization'] = `Bearer ${await readSecret(credentials.token)}`;
  /** The one that answered last is asked first. */
  let preferred = 0;

  const ask = (base: string, method: string, path: string, body: string | undefined): Promise<Answer> =>
    new Promise((resolve) => {
      const url = new URL(`${base}${path}`);
      const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
      const settings = { method, headers: { ...headers, 'content-type': MEDIA_TYPE, ...length } };
      const request =
        url.protocol === 'https:'
          ? httpsRequest(url, { ...settings, agent: secure })
          : httpRequest(url, { ...settings, agent: plain });
      const done: Done = (answer) => {
        timer.cancel();
        resolve(answer);
      };
      const timer = clock.after(requestTimeoutMs, () => {
        done({ ok: false, reason: `no answer within ${requestTimeoutMs} ms` });
        request.destroy();
      });
      request.on('response', (response) => collect(response, done));
      request.on('error', (error) => done({ ok: false, reason: error.message }));
      request.end(body);
    });

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
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}
