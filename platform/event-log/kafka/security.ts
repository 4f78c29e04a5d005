import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { KafkaConfig } from '../../../schemas/config/kafka.ts';
import type { SecretReference } from '../../../schemas/config/secret.ts';
import { readTlsFiles } from '../../network/tls-files.ts';
import { eventLogError } from '../errors.ts';
import type { TransportOptions } from './transport/transport-options.ts';

export type ReadSecret = (reference: SecretReference) => string | Promise<string>;

function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw eventLogError('EVENT_LOG_UNREACHABLE', { reason: `cannot read ${path}: ${reason}` }, error);
  }
}

/** How connections are made: certificates are checked always, passwords are read at each login. */
export function transportOptions(config: KafkaConfig, readSecret: ReadSecret): TransportOptions {
  const { tls, login } = config;
  const options: ConnectionOptions | undefined = tls && {
    ...readTlsFiles(tls, readPem),
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
    rejectUnauthorized: true,
  };
  return {
    clientId: config.clientId,
    connectTimeoutMs: config.connectTimeoutMs,
    requestTimeoutMs: config.requestTimeoutMs,
    ...(options !== undefined && { tls: options }),
    ...(login !== undefined && {
      login: {
        mechanism: login.mechanism,
        username: login.username,
        password: async () => readSecret(login.password),
      },
    }),
  };
}
