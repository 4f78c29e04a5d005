/** The first messages of a client: TLS in all its ways, GSSAPI declined, then a startup message or a cancel request. */
import type { Socket } from 'node:net';
import { TLSSocket, type SecureContext } from 'node:tls';
import { readInitial, STARTUP_BYTES_MAX, type InitialMessage } from '../wire/startup.ts';

export type Handshake =
  | {
      readonly ok: true;
      readonly message: Extract<InitialMessage, { kind: 'startup' | 'cancel' }>;
      readonly socket: Socket;
      readonly tls: boolean;
      /** What came behind the startup message. */
      readonly early: Buffer;
    }
  | { readonly ok: false; readonly reason: string; readonly socket: Socket };

const YES = Buffer.from('S');
const NO = Buffer.from('N');
/** First byte of a TLS handshake record: the client speaks TLS directly (sslnegotiation=direct). */
const TLS_HANDSHAKE = 0x16;

/** `onSocket` is told of the TLS socket as soon as there is one, so that a refusal goes through it. */
export async function shakeHands(
  plain: Socket,
  secureContext: SecureContext | null,
  onSocket: (socket: Socket) => void,
): Promise<Handshake> {
  let socket = plain;
  let tls = false;
  let declined = 0;
  for (;;) {
    const read = await readFirst(socket, !tls);
    if (read.kind === 'ended') return { ok: false, reason: read.reason, socket };
    if (read.kind === 'message' && (read.message.kind === 'startup' || read.message.kind === 'cancel'))
      return { ok: true, message: read.message, socket, tls, early: read.rest };
    const direct = read.kind === 'tls';
    const wantsTls = direct || (read.kind === 'message' && read.message.kind === 'ssl');
    if (!direct && read.rest.length > 0)
      // Data before the handshake would be taken as if it had come encrypted (CVE-2021-23214).
      return { ok: false, reason: 'data came before the answer to a request for encryption', socket };
    if (wantsTls && secureContext !== null && !tls) {
      if (direct) socket.unshift(read.rest);
      else socket.write(YES);
      const secured = await secure(socket, secureContext, direct);
      if (typeof secured === 'string') return { ok: false, reason: secured, socket };
      socket = secured;
      tls = true;
      onSocket(socket);
      continue;
    }
    declined += 1;
    if (direct || declined > 2) return { ok: false, reason: 'encryption asked for again and again', socket };
    socket.write(NO);
  }
}

type FirstRead =
  | { readonly kind: 'message'; readonly message: InitialMessage; readonly rest: Buffer }
  | { readonly kind: 'tls'; readonly rest: Buffer }
  | { readonly kind: 'ended'; readonly reason: string };

function readFirst(socket: Socket, tlsAllowed: boolean): Promise<FirstRead> {
  return new Promise((resolve) => {
    let bytes: Buffer = Buffer.alloc(0);
    const finish = (read: FirstRead): void => {
      socket.pause();
      socket.off('data', onData);
      socket.off('close', onClose);
      socket.off('end', onClose);
      resolve(read);
    };
    const onClose = (): void => finish({ kind: 'ended', reason: 'the client went away' });
    const onData = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      if (tlsAllowed && bytes[0] === TLS_HANDSHAKE) {
        finish({ kind: 'tls', rest: bytes });
        return;
      }
      const read = readInitial(bytes);
      if (read.state === 'bad') finish({ kind: 'ended', reason: read.reason });
      else if (read.state === 'done') finish({ kind: 'message', message: read.message, rest: read.rest });
      else if (bytes.length > STARTUP_BYTES_MAX)
        finish({ kind: 'ended', reason: 'a first message without end' });
    };
    socket.on('data', onData);
    socket.once('close', onClose);
    socket.once('end', onClose);
    socket.resume();
  });
}

function secure(socket: Socket, secureContext: SecureContext, direct: boolean): Promise<TLSSocket | string> {
  return new Promise((resolve) => {
    const tls = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ['postgresql'] });
    tls.on('error', (error: Error) => {
      resolve(`the TLS handshake failed: ${error.message}`);
      socket.destroy();
    });
    tls.once('close', () => resolve('the client went away in the TLS handshake'));
    tls.once('secure', () => {
      // PostgreSQL 17 requires ALPN for direct TLS, against cross-protocol attacks.
      if (direct && tls.alpnProtocol !== 'postgresql') {
        tls.destroy();
        resolve('direct TLS without ALPN protocol "postgresql"');
      } else {
        tls.pause();
        resolve(tls);
      }
    });
  });
}
