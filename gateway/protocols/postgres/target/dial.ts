/** Reaches a target by TCP and, as the connection says, TLS (PostgreSQL: 54.2.10 "SSL Session Encryption"). */
import { readFileSync } from 'node:fs';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { Clock } from '../../../../platform/clock/clock.ts';
import type { CountersignError } from '../../../../platform/errors/errors.ts';
import { postgresError } from '../errors.ts';
import { serverEndPoint } from '../login/server-end-point.ts';
import type { TlsIdentity } from '../../protocol.ts';
import type { ResolvedOptions } from '../options.ts';
import { REQUEST_CODES } from '../wire/message-types.ts';
import { requestCode } from '../wire/messages.ts';

export interface DialTarget {
  readonly connection: string;
  readonly host: string;
  readonly port: number;
  readonly options: ResolvedOptions;
  /** The gateway's own certificate, where the target asks for one. */
  readonly identity?: TlsIdentity | undefined;
}

export type Dialled =
  | {
      readonly ok: true;
      readonly socket: Socket;
      readonly tls: boolean;
      /** tls-server-end-point of the target's certificate. */
      readonly channelBinding: Buffer | null;
    }
  | { readonly ok: false; readonly error: CountersignError };

type Attempt<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

/** Connects within the connection's time; errors: POSTGRES_TARGET_UNREACHABLE, POSTGRES_TARGET_TLS_FAILED. */
export async function dial(clock: Clock, target: DialTarget): Promise<Dialled> {
  const { connection, options } = target;
  const socket = connect({ host: target.host, port: target.port, noDelay: true, keepAlive: true });
  let timedOut = false;
  const timer = clock.after(
    options.connectTimeoutMs,
    () => {
      timedOut = true;
      socket.destroy(new Error(`no answer within ${options.connectTimeoutMs} ms`));
    },
    { background: true },
  );
  try {
    const reached = await settled<undefined>(socket, (done) => socket.once('connect', () => done(undefined)));
    if (!reached.ok) return failed('POSTGRES_TARGET_UNREACHABLE', connection, reached.reason);
    if (options.sslMode === 'disable') return { ok: true, socket, tls: false, channelBinding: null };
    socket.write(requestCode(REQUEST_CODES.ssl));
    const answer = await settled<Buffer>(socket, (done) => socket.once('data', done));
    if (!answer.ok)
      return failed(
        timedOut ? 'POSTGRES_TARGET_UNREACHABLE' : 'POSTGRES_TARGET_TLS_FAILED',
        connection,
        answer.reason,
      );
    socket.pause();
    // More than the one byte would be data that somebody put before the handshake (CVE-2021-23222).
    if (answer.value.length !== 1 || answer.value[0] !== 0x53) {
      socket.destroy();
      return failed('POSTGRES_TARGET_TLS_FAILED', connection, 'the target does not offer TLS');
    }
    return await secure(socket, target);
  } finally {
    timer.cancel();
  }
}

async function secure(socket: Socket, target: DialTarget): Promise<Dialled> {
  const { connection, options } = target;
  const settings: ConnectionOptions = {
    socket,
    host: target.host,
    rejectUnauthorized: options.sslMode === 'verify-full',
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['postgresql'],
    ...(isIP(target.host) === 0 ? { servername: target.host } : {}),
    ...(target.identity === undefined
      ? {}
      : { cert: target.identity.certificatePem, key: target.identity.privateKeyPem }),
  };
  try {
    const ca = options.caPem ?? (options.caFile === null ? null : readFileSync(options.caFile, 'utf8'));
    if (ca !== null) settings.ca = ca;
  } catch (error) {
    socket.destroy();
    return failed('POSTGRES_TARGET_TLS_FAILED', connection, `caFile: ${(error as Error).message}`);
  }
  let tls: TLSSocket;
  try {
    tls = connectTls(settings);
  } catch (error) {
    // A key that does not fit its certificate; the message has neither.
    socket.destroy();
    return failed('POSTGRES_TARGET_TLS_FAILED', connection, (error as Error).message);
  }
  const done = await settled<undefined>(tls, (resolve) =>
    tls.once('secureConnect', () => resolve(undefined)),
  );
  if (!done.ok) return failed('POSTGRES_TARGET_TLS_FAILED', connection, done.reason);
  const certificate = tls.getPeerX509Certificate();
  return {
    ok: true,
    socket: tls,
    tls: true,
    channelBinding: certificate === undefined ? null : serverEndPoint(certificate.raw),
  };
}

/** Waits for an event of a socket, or for its error or end; destroys the socket where it fails. */
function settled<T>(socket: Socket, listen: (done: (value: T) => void) => void): Promise<Attempt<T>> {
  return new Promise((resolve) => {
    const stop = (reason: string): void => {
      finish({ ok: false, reason });
      socket.destroy();
    };
    const onError = (error: Error): void => stop(error.message || 'connection failed');
    const onClose = (): void => stop('the connection was closed');
    const finish = (attempt: Attempt<T>): void => {
      socket.off('close', onClose);
      socket.off('end', onClose);
      // The error handler stays on a failed socket: a late error must not crash the process.
      if (attempt.ok) socket.off('error', onError);
      resolve(attempt);
    };
    socket.on('error', onError);
    socket.once('close', onClose);
    socket.once('end', onClose);
    listen((value) => finish({ ok: true, value }));
  });
}

function failed(
  code: 'POSTGRES_TARGET_UNREACHABLE' | 'POSTGRES_TARGET_TLS_FAILED',
  connection: string,
  reason: string,
): Dialled {
  return { ok: false, error: postgresError(code, { connection, reason }) };
}
