/** A Kubernetes API server as far as TokenReview goes (authentication.k8s.io/v1), over TLS, with the tokens that it issued itself. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { compactVerify, errors, type CryptoKey } from 'jose';

export interface ReviewServer {
  readonly url: string;
  /** Tokens of these pods or accounts do not count any more. */
  readonly deleted: Set<string>;
  /** Reviews so far. */
  reviews: number;
  /** What it says of audiences; `false` plays a server that does not know of them. */
  knowsAudiences: boolean;
  close(): Promise<void>;
}

interface Review {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec: { readonly token: string; readonly audiences?: readonly string[] };
}

export async function startReviewServer(
  tls: { readonly cert: string; readonly key: string },
  options: { readonly credential: string; readonly key: CryptoKey },
): Promise<ReviewServer> {
  const state = { reviews: 0, knowsAudiences: true, deleted: new Set<string>() };
  const judge = async ({ spec }: Review): Promise<object> => {
    try {
      const { payload } = await compactVerify(spec.token, options.key, { algorithms: ['RS256'] });
      const claims = JSON.parse(Buffer.from(payload).toString()) as { sub: string; aud: string[] };
      if (state.deleted.has(claims.sub))
        return { authenticated: false, error: 'service account has been deleted' };
      const audiences = (spec.audiences ?? []).filter((one) => claims.aud.includes(one));
      if (state.knowsAudiences && audiences.length === 0)
        return { authenticated: false, error: 'token audiences do not match' };
      return {
        authenticated: true,
        user: { username: claims.sub, uid: 'u', groups: ['system:serviceaccounts'] },
        ...(state.knowsAudiences ? { audiences } : {}),
      };
    } catch (error) {
      if (error instanceof errors.JOSEError) return { authenticated: false, error: 'invalid bearer token' };
      throw error;
    }
  };
  const server = createServer(tls, (request, response) => {
    let body = '';
    request.on('data', (piece) => (body += String(piece)));
    request.on('end', () => {
      const answer = (status: number, value: object): void => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(value));
      };
      if (request.headers.authorization !== `Bearer ${options.credential}`)
        return answer(401, { kind: 'Status', status: 'Failure', code: 401 });
      const review = JSON.parse(body) as Review;
      if (
        request.method !== 'POST' ||
        request.url !== '/apis/authentication.k8s.io/v1/tokenreviews' ||
        review.kind !== 'TokenReview' ||
        review.apiVersion !== 'authentication.k8s.io/v1'
      )
        return answer(404, { kind: 'Status', status: 'Failure', code: 404 });
      state.reviews += 1;
      return void judge(review).then((status) => answer(201, { ...review, status }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
