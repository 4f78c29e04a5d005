/**
 * Connections by kafkajs: its sockets, TLS, SASL, framing and request time-outs. What stands above them in that library (producer,
 * consumer, cluster) is not used: it loses acknowledged messages when a broker dies and gives no hold on rebalances
 * (docs/decisions/0008-kafka-client.md). Its parts are not in its types, so what is used of them is written down here.
 */
import { createRequire } from 'node:module';
import { connect as connectPlain, isIP } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { logCreator, SASLOptions } from 'kafkajs';
import type { Logger } from '../../../log/log.ts';
import type { Channel, Request, Transport } from '../wire/channel.ts';
import { KafkaConnectionError } from '../wire/error-codes.ts';
import { createKafkajsLog } from './kafkajs-log.ts';
import type { TransportOptions } from './transport-options.ts';

const require = createRequire(import.meta.url);

interface Encoder {
  writeBufferInternal(buffer: Buffer): void;
}
interface Connection {
  connect(): Promise<unknown>;
  disconnect(): Promise<unknown>;
  rejectRequests(error: Error): void;
  isConnected(): boolean;
  setVersions(versions: Record<number, { minVersion: number; maxVersion: number }>): void;
  setSupportAuthenticationProtocol(supported: boolean): void;
  authenticate(): Promise<void>;
  send(call: {
    request: { apiKey: number; apiVersion: number; apiName: string; encode(): Promise<Encoder> };
    response: {
      decode(raw: Buffer): Promise<{ raw: Buffer }>;
      parse(data: { raw: Buffer }): Promise<Buffer>;
    };
    requestTimeout: number;
    logResponseError: boolean;
  }): Promise<Buffer>;
}
interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

const KafkajsConnection = require('kafkajs/src/network/connection') as new (options: object) => Connection;
const KafkajsEncoder = require('kafkajs/src/protocol/encoder') as new (size?: number) => Encoder;
const KafkajsQueue = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
const { createLogger, LEVELS } = require('kafkajs/src/loggers') as {
  createLogger(options: { level: number; logCreator: logCreator }): object;
  LEVELS: { readonly WARN: number };
};

/**
 * After each answer kafkajs sets a timer for a moment in the past, also where nothing waits; Node 24 warns of each and they cost time
 * (tulios/kafkajs#1751). Only what waits needs one.
 */
const schedule = KafkajsQueue.prototype.scheduleCheckPendingRequests;
KafkajsQueue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
  if (this.pending.length > 0) schedule.call(this);
};

/** SaslHandshake and SaslAuthenticate, the only requests that kafkajs picks a version of itself here. */
const VERSIONS = { 17: { minVersion: 0, maxVersion: 1 }, 36: { minVersion: 0, maxVersion: 1 } };
const KINDS: Readonly<Record<string, KafkaConnectionError['kind']>> = {
  KafkaJSSASLAuthenticationError: 'login-refused',
  KafkaJSRequestTimeoutError: 'silent',
};

export function createKafkajsTransport(log: Logger, options: TransportOptions): Transport {
  const logger = createLogger({ level: LEVELS.WARN, logCreator: createKafkajsLog(log) });
  return {
    async connect({ host, port }) {
      const login = options.login;
      const sasl: SASLOptions | undefined = login && {
        mechanism: login.mechanism,
        username: login.username,
        password: await login.password(),
      };
      const connection = new KafkajsConnection({
        host,
        port,
        logger,
        clientId: options.clientId,
        ssl: options.tls,
        sasl,
        connectionTimeout: options.connectTimeoutMs,
        requestTimeout: options.requestTimeoutMs,
        socketFactory: openSocket,
      });
      try {
        connection.setVersions(VERSIONS);
        connection.setSupportAuthenticationProtocol(true);
        await connection.connect();
        await connection.authenticate();
      } catch (error) {
        connection.disconnect().catch(() => undefined);
        throw connectionError(error, `${host}:${port}`);
      }
      return channelOf(connection, `${host}:${port}`, options.requestTimeoutMs);
    },
  };
}

/** Without Nagle's delay: a request behind an unanswered one would wait for the peer's delayed acknowledgement (40 ms). */
function openSocket(to: {
  readonly host: string;
  readonly port: number;
  readonly ssl?: ConnectionOptions | null;
  onConnect(): void;
}): object {
  const { host, port, ssl, onConnect } = to;
  const socket =
    ssl === undefined || ssl === null
      ? connectPlain({ host, port, noDelay: true }, onConnect)
      : connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...ssl }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return socket;
}
const KEEP_ALIVE_MS = 30_000;

const identity = {
  decode: async (raw: Buffer): Promise<{ raw: Buffer }> => ({ raw }),
  parse: async ({ raw }: { raw: Buffer }): Promise<Buffer> => raw,
};

function channelOf(connection: Connection, address: string, requestTimeoutMs: number): Channel {
  let usable = true;
  const close = (): void => {
    usable = false;
    // Else it waits for what is under way.
    connection.rejectRequests(new Error('the connection was closed'));
    connection.disconnect().catch(() => undefined);
  };
  return {
    get usable() {
      return usable && connection.isConnected();
    },
    async send({ api, version, body, waitMs = 0 }: Request) {
      if (!usable) throw new KafkaConnectionError('unreachable', `${address}: closed`);
      try {
        return await connection.send({
          request: {
            apiKey: api.key,
            apiVersion: version,
            apiName: api.name,
            async encode() {
              const encoder = new KafkajsEncoder(body.length);
              encoder.writeBufferInternal(body);
              return encoder;
            },
          },
          response: identity,
          requestTimeout: requestTimeoutMs + waitMs,
          logResponseError: false,
        });
      } catch (error) {
        // An answer may still come to a request given up: nothing else may be sent on this connection.
        close();
        throw connectionError(error, address);
      }
    },
    close,
  };
}

function connectionError(error: unknown, address: string): KafkaConnectionError {
  const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
  const kind = KINDS[name] ?? 'unreachable';
  return new KafkaConnectionError(kind, `${address}: ${message}`, error);
}
