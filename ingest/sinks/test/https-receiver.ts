/** A real HTTPS server that takes webhooks, verifies them by itself, and can be in any kind of trouble. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAuthority, type Authority, type Issued } from '../../../test/servers/rsyslog/authority.ts';
import { clock } from './support.ts';

export interface Posted {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly documents: readonly Record<string, unknown>[];
}

export type Answer =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** Never answers; or breaks the connection off once it has read the batch. */
  | 'silence'
  | 'reset';
/** Decides on a batch; what it answers with 2xx counts as taken. */
export type Behaviour = (posted: Posted, place: number) => Answer;

export interface HttpsReceiver {
  readonly authority: Authority;
  readonly url: string;
  /** Batches that were taken, and all that came. */
  readonly taken: Posted[];
  readonly posted: Posted[];
  behave(behaviour: Behaviour): void;
  /** Delivery ids in the order in which they were taken. */
  deliveries(): string[];
  down(): Promise<void>;
  up(): Promise<void>;
  /** Shows another certificate from now on. */
  present(certificate: Issued): void;
  stop(): Promise<void>;
}

type Document = { countersign: { delivery: { id: string } } };
export const deliveryOf = (document: Record<string, unknown>): string =>
  (document as unknown as Document).countersign.delivery.id;

const fine: Behaviour = () => ({ status: 204 });

export async function startHttpsReceiver(folder: string): Promise<HttpsReceiver> {
  const authority = await createAuthority(folder, clock.now());
  let certificate = await authority.issue('receiver');
  let behaviour = fine;
  let port = 0;
  let server: Server;
  const taken: Posted[] = [];
  const posted: Posted[] = [];

  const answer = (one: Posted, request: IncomingMessage, response: ServerResponse): void => {
    posted.push(one);
    const said = behaviour(one, posted.length - 1);
    if (said === 'silence') return;
    if (said === 'reset') {
      request.socket.destroy();
      return;
    }
    if (said.status >= 200 && said.status < 300) taken.push(one);
    response.writeHead(said.status, said.headers).end(said.body);
  };
  const up = async (): Promise<void> => {
    server = createServer(
      { cert: certificate.certificatePem, key: certificate.keyPem },
      (request, response) => {
        const pieces: Buffer[] = [];
        request.on('data', (piece: Buffer) => pieces.push(piece));
        request.on('error', () => undefined);
        request.on('end', () => {
          const body = Buffer.concat(pieces).toString();
          const isLines = request.headers['content-type'] === 'application/x-ndjson';
          const json = isLines ? `[${body.trim().split('\n').join(',')}]` : body;
          answer(
            { headers: request.headers, body, documents: JSON.parse(json) as Record<string, unknown>[] },
            request,
            response,
          );
        });
      },
    );
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  };
  const down = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  await up();
  return {
    authority,
    url: `https://127.0.0.1:${port}/collect`,
    taken,
    posted,
    behave: (next) => (behaviour = next),
    deliveries: () => taken.flatMap(({ documents }) => documents.map(deliveryOf)),
    down,
    up,
    present(next) {
      certificate = next;
      server.setSecureContext({ cert: next.certificatePem, key: next.keyPem });
    },
    stop: down,
  };
}
