/** Connections by @platformatic/kafka: its public `Connection` alone (sockets, TLS, SASL, framing). */
import { isIP } from 'node:net';
import { Connection, type ConnectionOptions, Writer } from '@platformatic/kafka';
import type { Clock } from '../../../clock/clock.ts';
import type { Channel, Transport } from '../wire/channel.ts';
import { KafkaConnectionError } from '../wire/error-codes.ts';
import type { TransportOptions } from './transport-options.ts';

const MECHANISMS = { 'scram-sha-256': 'SCRAM-SHA-256', 'scram-sha-512': 'SCRAM-SHA-512' } as const;
/** Ours is the shorter one, and knows how long each request may wait at the broker. */
const LIBRARY_TIMEOUT_MS = 3_600_000;

export function createPlatformaticTransport(clock: Clock, options: TransportOptions): Transport {
  return {
    async connect({ host, port }) {
      const address = `${host}:${port}`;
      const { login, tls } = options;
      const settings: ConnectionOptions = {
        connectTimeout: options.connectTimeoutMs,
        requestTimeout: LIBRARY_TIMEOUT_MS,
        maxInflights: 1000,
        ...(tls !== undefined && { tls, tlsServerName: tls.servername ?? isIP(host) === 0 }),
        ...(login !== undefined && {
          sasl: {
            mechanism: MECHANISMS[login.mechanism],
            username: login.username,
            password: await login.password(),
          },
        }),
      };
      const connection = new Connection(options.clientId, settings);
      // Told by the request that it breaks.
      connection.on('error', () => undefined);
      try {
        await connection.connect(host, port);
      } catch (error) {
        connection.close().catch(() => undefined);
        throw connectionError(error, address);
      }
      connection.socket.setNoDelay(true);
      return channelOf(clock, connection, address, options.requestTimeoutMs);
    },
  };
}

function channelOf(clock: Clock, connection: Connection, address: string, requestTimeoutMs: number): Channel {
  let usable = true;
  const close = (): void => {
    usable = false;
    connection.close().catch(() => undefined);
    connection.socket.destroy();
  };
  return {
    get usable() {
      return usable && connection.isConnected();
    },
    close,
    send: ({ api, version, body, waitMs = 0 }) =>
      new Promise((resolve, reject) => {
        const fail = (error: unknown): void => {
          timer.cancel();
          // An answer may still come to a request given up: nothing else may be sent on this connection.
          close();
          reject(connectionError(error, address));
        };
        const timer = clock.after(
          requestTimeoutMs + waitMs,
          () => fail(new KafkaConnectionError('silent', `${address}: ${api.name} was not answered in time`)),
          { background: true },
        );
        if (!usable) {
          fail(new Error('closed'));
          return;
        }
        connection.send<Buffer>(
          api.key,
          version,
          () => Writer.create().append(body),
          (_correlation, _key, _version, reader) => Buffer.from(reader.buffer.slice(reader.position)),
          false,
          false,
          (error, answer) => {
            if (error || answer === undefined) {
              fail(error ?? new Error(`${api.name} has no answer`));
              return;
            }
            timer.cancel();
            resolve(answer);
          },
        );
      }),
  };
}

function connectionError(error: unknown, address: string): KafkaConnectionError {
  if (error instanceof KafkaConnectionError) return error;
  const errors = chainOf(error);
  const kind = errors.some((one) => one.code === LOGIN_REFUSED) ? 'login-refused' : 'unreachable';
  return new KafkaConnectionError(kind, `${address}: ${errors.map((one) => one.message).join(' ')}`, error);
}
const LOGIN_REFUSED = 'PLT_KFK_AUTHENTICATION';
const CHAIN_MAX = 5;

/** The library wraps what happened; the innermost says it. */
function chainOf(error: unknown): { readonly message: string; readonly code?: string }[] {
  const errors: Error[] = [];
  for (let next = error; next instanceof Error && errors.length < CHAIN_MAX; next = next.cause)
    errors.push(next);
  return errors;
}
