/** PostgreSQL in the protocol registry. */
import type { Protocol } from '../protocol.ts';
import { createAnalyser } from './analysis/create-analyser.ts';
import { postgresError } from './errors.ts';
import { createPostgresListener } from './listener.ts';
import { PostgresOptions } from './options.ts';
import { createConnector, parseTargetSession } from './target/connector.ts';
import { createSaltedPasswords } from './target/scram-client.ts';
import { isLoopback } from '../../../platform/network/address.ts';

export const postgresProtocol: Protocol = {
  name: 'postgres',
  optionsSchema: PostgresOptions,
  checkConnection({ name, host, options }) {
    const { sslMode } = (options ?? {}) as PostgresOptions;
    if (sslMode !== 'disable' || isLoopback(host)) return undefined;
    return postgresError('POSTGRES_TLS_DISABLED', { connection: name, host });
  },
  createListener: async (deps, config, proofs) =>
    createPostgresListener(deps, { ...config, tls: await proofs.tls() }, () =>
      createAnalyser({ clock: deps.clock, hmac: (secret) => deps.hmac(secret) }),
    ),
  async endLeftover(deps, connection, targetSession) {
    const backend = parseTargetSession(targetSession);
    if (backend === undefined) return;
    const connector = createConnector(
      {
        clock: deps.clock,
        random: deps.random,
        salted: createSaltedPasswords(),
        credential: (of) => deps.credential(of),
      },
      connection,
    );
    // The pid alone may be another's by now: the start must match, too.
    await connector.terminate(backend.pid, backend.backendStart);
  },
};
