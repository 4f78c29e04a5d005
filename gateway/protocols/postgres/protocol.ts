/** PostgreSQL in the protocol registry. */
import type { ConnectionConfig, Protocol, ProtocolDeps } from '../protocol.ts';
import { createAnalyser } from './analysis/create-analyser.ts';
import { postgresError } from './errors.ts';
import { createPostgresListener } from './listener.ts';
import { PostgresOptions } from './options.ts';
import { createConnector, type Connector } from './target/connector.ts';
import { parseTargetSession } from './target/target-session.ts';
import { createSaltedPasswords } from './target/scram-client.ts';
import { isLoopback } from '../../../platform/network/address.ts';

/** For what is done outside of sessions. */
const connectorOf = (deps: ProtocolDeps, connection: ConnectionConfig): Connector =>
  createConnector(
    {
      clock: deps.clock,
      random: deps.random,
      salted: createSaltedPasswords(),
      log: deps.log,
      metrics: deps.metrics,
      credential: (of) => deps.credential(of),
    },
    connection,
  );

export const postgresProtocol: Protocol = {
  name: 'postgres',
  optionsSchema: PostgresOptions,
  checkConnection({ name, host, options }) {
    const { sslMode, hosts = [] } = (options ?? {}) as PostgresOptions;
    if (sslMode !== 'disable') return undefined;
    const away = [host, ...hosts.map((one) => one.host)].find((one) => !isLoopback(one));
    return away === undefined
      ? undefined
      : postgresError('POSTGRES_TLS_DISABLED', { connection: name, host: away });
  },
  createListener: async (deps, config, proofs) =>
    createPostgresListener(deps, { ...config, tls: await proofs.tls() }, () =>
      createAnalyser({ clock: deps.clock, hmac: (secret) => deps.hmac(secret) }),
    ),
  async dropGrantAccount(deps, connection, account) {
    const problem = await connectorOf(deps, connection).dropAccount(account);
    if (problem !== undefined) throw problem;
  },
  async endLeftover(deps, connection, targetSession) {
    const connector = connectorOf(deps, connection);
    const backend = parseTargetSession(targetSession, connector.options.addresses);
    // The pid alone may be another's by now: the start must match, too.
    if (backend !== undefined) await connector.terminate(backend);
  },
};
