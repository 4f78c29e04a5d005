/**
 * Frames to a syslog receiver over one TLS connection, with what comes nearest to a receipt (RFC 5425, 4.4): after the last frame
 * we close our side; a receiver answers our closing alert with its own once it has read up to it, and a system whose program
 * went away with something unread answers with a reset instead.
 *
 *   sink                         receiver
 *    |-- frame frame frame ------->|
 *    |-- close_notify, FIN ------->|  has read everything
 *    |<------ close_notify, FIN ---|  delivered
 */
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { Clock } from '../../../platform/clock/clock.ts';
import type { SendOutcome } from '../sink.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

const failed = (cause: 'cut' | 'receiver', reason: string): SendOutcome => ({
  outcome: 'failed',
  cause,
  reason,
});

/** Opens a connection that has proved who it is; `host` is what the certificate must name unless `servername` says otherwise. */
export function openTls(address: Address, tls: ConnectionOptions): TLSSocket {
  const socket = connect({ ...address, ...tls, allowHalfOpen: true } as ConnectionOptions);
  socket.setNoDelay(true);
  return socket;
}

/** Sends the frames and waits for the receiver's closing. Never rejects. */
export function flyAndClose(
  clock: Clock,
  open: () => TLSSocket,
  frames: readonly Buffer[],
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<SendOutcome> {
  return new Promise((resolve) => {
    const { timeoutMs, signal } = options;
    const socket = open();
    let secured = false;
    let finished = false;
    const done = (outcome: SendOutcome): void => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      // What still comes concerns nobody.
      socket.on('error', () => undefined);
      socket.destroy();
      resolve(outcome);
    };
    const fail = (reason: string): void => done(failed(secured ? 'cut' : 'receiver', reason));
    const onAbort = (): void => fail('the sink is stopping');
    const timer = clock.after(timeoutMs, () => fail(`not read within ${timeoutMs} ms`));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => fail('the receiver closed the connection'));
    socket.on('finish', () => (finished = true));
    socket.on('end', () => {
      if (finished) done({ outcome: 'delivered' });
      else fail('the receiver closed the connection before it had all');
    });
    // Syslog has no answers; what comes is read so that the closing behind it is seen.
    socket.resume();
    socket.once('secureConnect', () => {
      secured = true;
      socket.end(Buffer.concat(frames));
    });
  });
}

/** A connection that is kept: what the system has taken over counts as delivered. */
export function createKeptConnection(
  clock: Clock,
  open: () => TLSSocket,
): {
  send(frames: readonly Buffer[], options: { timeoutMs: number; signal: AbortSignal }): Promise<SendOutcome>;
  close(): void;
} {
  let kept: TLSSocket | undefined;
  let secured = false;
  const drop = (): void => {
    kept?.on('error', () => undefined);
    kept?.destroy();
    kept = undefined;
    secured = false;
  };
  const ensure = (): TLSSocket => {
    if (kept !== undefined && !kept.destroyed && kept.writable && !kept.readableEnded) return kept;
    drop();
    const socket = open();
    kept = socket;
    socket.resume();
    socket.on('error', () => undefined);
    socket.once('secureConnect', () => (secured = true));
    // A receiver that ends a connection reads no more from it.
    socket.once('end', () => {
      if (kept === socket) drop();
    });
    return socket;
  };
  return {
    send(frames, { timeoutMs, signal }) {
      return new Promise((resolve) => {
        let socket: TLSSocket;
        try {
          socket = ensure();
        } catch (error) {
          resolve(failed('receiver', (error as Error).message));
          return;
        }
        const done = (outcome: SendOutcome): void => {
          timer.cancel();
          signal.removeEventListener('abort', onAbort);
          socket.off('error', onError).off('close', onClose);
          if (outcome.outcome !== 'delivered' && kept === socket) drop();
          resolve(outcome);
        };
        const fail = (reason: string): void => done(failed(secured ? 'cut' : 'receiver', reason));
        const onError = (error: Error): void => fail(error.message);
        const onClose = (): void => fail('the receiver closed the connection');
        const onAbort = (): void => fail('the sink is stopping');
        const timer = clock.after(timeoutMs, () => fail(`not taken within ${timeoutMs} ms`));
        signal.addEventListener('abort', onAbort, { once: true });
        socket.on('error', onError).on('close', onClose);
        socket.write(Buffer.concat(frames), (error) => {
          if (error === null || error === undefined) done({ outcome: 'delivered' });
          else fail(error.message);
        });
      });
    },
    close: drop,
  };
}
