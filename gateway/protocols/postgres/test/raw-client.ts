/** A client of protocol 3 that sends what it is told, for what no driver does. */
import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { decodeError } from '../wire/decode.ts';
import { message, saslInitialResponse, saslResponse, startup } from '../wire/messages.ts';
import { TOKEN, USER } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';

export interface RawMessage {
  readonly type: string;
  readonly body: Buffer;
}

export interface RawClient {
  readonly socket: Socket;
  /** Everything received since login, cut into messages. */
  readonly messages: RawMessage[];
  readonly backendKey: { pid: number; key: Buffer };
  readonly negotiated: number | undefined;
  readonly closed: boolean;
  send(...parts: Buffer[]): void;
  /** Waits for the n-th ReadyForQuery after login, and gives the types received so far as text. */
  ready(count: number): Promise<string>;
  errors(): { severity: string; sqlState: string; message: string }[];
}

export async function rawLogin(
  address: { host: string; port: number },
  options: {
    version?: number;
    direct?: { ca: string };
    database?: string;
    parameters?: Record<string, string>;
    user?: string;
    token?: string;
  } = {},
): Promise<RawClient> {
  const socket =
    options.direct === undefined
      ? connect(address.port, address.host)
      : connectTls({
          host: address.host,
          port: address.port,
          ca: options.direct.ca,
          ALPNProtocols: ['postgresql'],
        });
  let messages: RawMessage[] = [];
  let received = Buffer.alloc(0);
  let closed = false;
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
  });
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 5 && received.length >= 1 + received.readUInt32BE(1)) {
      const length = 1 + received.readUInt32BE(1);
      messages.push({
        type: String.fromCharCode(received[0]!),
        body: Buffer.from(received.subarray(5, length)),
      });
      received = received.subarray(length);
    }
  });
  let at = 0;
  const next = async (): Promise<RawMessage> => {
    await until('a message comes', () => messages.length > at || closed);
    const found = messages[at];
    if (found === undefined) throw new Error('closed');
    at += 1;
    if (found.type === 'E') throw new Error(found.body.toString());
    return found;
  };
  socket.write(
    startup(
      options.version ?? 0x30000,
      new Map(
        Object.entries({
          user: options.user ?? USER,
          database: options.database ?? 'main',
          ...options.parameters,
        }),
      ),
    ),
  );
  let negotiated: number | undefined;
  let first = await next();
  if (first.type === 'v') {
    negotiated = first.body.readInt32BE(0);
    first = await next();
  }
  const nonce = 'raw-client-nonce';
  socket.write(saslInitialResponse('SCRAM-SHA-256', `n,,n=,r=${nonce}`));
  const challenge = (await next()).body.subarray(4).toString();
  const [, full, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(challenge)!;
  const salted = pbkdf2Sync(
    options.token ?? TOKEN,
    Buffer.from(salt!, 'base64'),
    Number(iterations),
    32,
    'sha256',
  );
  const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const clientKey = hmac(salted, 'Client Key');
  const withoutProof = `c=biws,r=${full}`;
  const auth = `n=,r=${nonce},${challenge},${withoutProof}`;
  const signature = hmac(createHash('sha256').update(clientKey).digest(), auth);
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]!));
  socket.write(saslResponse(`${withoutProof},p=${proof.toString('base64')}`));
  const final = (await next()).body.subarray(4).toString();
  const expected = hmac(hmac(salted, 'Server Key'), auth);
  if (!timingSafeEqual(Buffer.from(final.slice(2), 'base64'), expected)) throw new Error('server not proven');
  let backendKey = { pid: 0, key: Buffer.alloc(0) };
  for (;;) {
    const { type, body } = await next();
    if (type === 'K') backendKey = { pid: body.readInt32BE(0), key: Buffer.from(body.subarray(4)) };
    if (type === 'Z') break;
  }
  messages = messages.slice(at);
  return {
    socket,
    get messages() {
      return messages;
    },
    backendKey,
    negotiated,
    get closed() {
      return closed;
    },
    send: (...parts) => void socket.write(Buffer.concat(parts)),
    async ready(count) {
      await until(
        `ReadyForQuery ${count}`,
        () => closed || messages.filter(({ type }) => type === 'Z').length >= count,
      );
      return messages.map(({ type }) => type).join('');
    },
    errors: () =>
      messages
        .filter(({ type }) => type === 'E')
        .map(({ body }) => {
          const bytes = message(0x45, body);
          return decodeError(bytes, 0, bytes.length);
        }),
  };
}
