/** Listens for PostgreSQL clients. The analyser is loaded before the first client is taken, and closed after the last. */
import { createServer, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { createBusyPoll } from '../../../platform/clock/busy-poll.ts';
import type { ConnectionConfig, ProtocolDeps, ProtocolListener } from '../protocol.ts';
import type { HostAddress, PostgresListenerConfig } from './options.ts';
import type { Analyser } from './analysis/analyser.ts';
import { createCancelKeys } from './login/cancel-keys.ts';
import { serveClient, type LoginContext } from './login/client-login.ts';
import { createPendingLogins } from '../clients/pending-logins.ts';
import { createServerSocket } from '../clients/server-socket.ts';
import { serverEndPoint } from './login/server-end-point.ts';
import { createLoginThrottle } from '../clients/throttle.ts';
import type { Relay } from './relay/relay.ts';
import type { CatalogueReader } from './catalogue/reader.ts';
import { createConnector } from './target/connector.ts';
import type { Ender } from './target/ender.ts';
import { createSaltedPasswords } from './target/scram-client.ts';

export function createPostgresListener(
  deps: ProtocolDeps,
  config: PostgresListenerConfig,
  loadAnalyser: () => Promise<Analyser & { close?(): Promise<void> }>,
): ProtocolListener {
  let analyser: (Analyser & { close?(): Promise<void> }) | undefined;
  const relays = new Set<Relay>();
  const sockets = new Set<Socket>();
  const salted = createSaltedPasswords();
  /** By connection and address: as many as connections are configured. */
  const enders = new Map<string, Ender>();
  const enderOf = (name: string, { host, port }: HostAddress, make: () => Ender): Ender => {
    const key = `${name} ${host}:${port}`;
    const found = enders.get(key) ?? make();
    enders.set(key, found);
    return found;
  };
  /** By connection, database and user. */
  const catalogues = new Map<string, CatalogueReader>();
  const catalogueOf = (key: string, make: () => CatalogueReader): CatalogueReader => {
    const found = catalogues.get(key) ?? make();
    catalogues.set(key, found);
    return found;
  };
  const { tls } = config;
  const context: LoginContext = {
    deps,
    config,
    get analyser() {
      return analyser!;
    },
    secureContext:
      tls === null
        ? null
        : createSecureContext({ cert: tls.certificatePem, key: tls.privateKeyPem, minVersion: 'TLSv1.2' }),
    channelBinding: tls === null ? null : serverEndPoint(tls.certificatePem),
    awake: createBusyPoll(deps.clock, config.busyPollUs ?? 0),
    pending: createPendingLogins(config.pendingLoginsMax),
    throttle: createLoginThrottle(deps.clock),
    cancelKeys: createCancelKeys(deps.random),
    relays,
    connector: (connection: ConnectionConfig) =>
      createConnector(
        {
          clock: deps.clock,
          random: deps.random,
          salted,
          log: deps.log,
          metrics: deps.metrics,
          catalogue: catalogueOf,
          credential: (of) => deps.credential(of),
          ender: (address, make) => enderOf(connection.name, address, make),
        },
        connection,
      ),
  };
  const server = createServer({ noDelay: true, keepAlive: true, pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // Never rejects.
    serveClient(context, socket).catch(() => socket.destroy());
  });
  const serverSocket = createServerSocket(deps.clock, config, server, { sockets, relays });
  return {
    async start() {
      analyser ??= await loadAnalyser();
      const address = await serverSocket.start();
      return { ...address, trust: { tls: tls !== null, ca: tls?.certificatePem ?? null } };
    },
    async stop(graceMs) {
      await serverSocket.stop(graceMs);
      for (const ender of enders.values()) ender.close();
      for (const catalogue of catalogues.values()) catalogue.close();
      await analyser?.close?.();
    },
  };
}
