/** An issuer over HTTP with real signing keys: discovery, key set, and whatever tokens a test wants, right or wrong. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CompactSign, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwk: JWK;
}

export async function makeKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

export interface TestIssuer {
  readonly url: string;
  /** Published keys; a test changes them. */
  keys: SigningKey[];
  /** Requests so far, by path. */
  readonly asked: Map<string, number>;
  /** What further paths answer. */
  readonly answers: Map<
    string,
    (body: string, headers: Record<string, unknown>) => { status: number; body: unknown }
  >;
  /** Answers nobody from now on; `false` again. */
  setDown(down: boolean): void;
  /** Signed with the first key unless another is named. */
  sign(
    claims: Record<string, unknown>,
    options?: { key?: SigningKey; header?: Record<string, unknown> },
  ): Promise<string>;
  close(): Promise<void>;
}

export async function startIssuer(): Promise<TestIssuer> {
  const asked = new Map<string, number>();
  const answers: TestIssuer['answers'] = new Map();
  let down = false;
  const server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => (body += String(piece)));
    request.on('end', () => {
      const path = request.url ?? '';
      asked.set(path, (asked.get(path) ?? 0) + 1);
      if (down) {
        request.socket.destroy();
        return;
      }
      const known =
        path === '/.well-known/openid-configuration'
          ? { status: 200, body: { issuer: url, jwks_uri: `${url}/keys`, userinfo_endpoint: `${url}/me` } }
          : path === '/keys'
            ? { status: 200, body: { keys: issuer.keys.map(({ jwk }) => jwk) } }
            : answers.get(path)?.(body, request.headers);
      response.writeHead(known?.status ?? 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(known?.body ?? {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer: TestIssuer = {
    url,
    keys: [await makeKey('one')],
    asked,
    answers,
    setDown: (now) => {
      down = now;
    },
    sign(claims, { key = issuer.keys[0]!, header = {} } = {}) {
      return new SignJWT(claims)
        .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header })
        .sign(key.privateKey);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return issuer;
}

/** Signs with a secret, as who knows a public key may do with its text. */
export const signWithSecret = (claims: object, secret: Uint8Array, header: object): Promise<string> =>
  new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'HS256', ...header })
    .sign(secret);

/** A token with header and claims as they are, and a signature of whoever writes it. */
export const rawToken = (header: object, claims: object, signature = ''): string =>
  [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .concat(signature)
    .join('.');
