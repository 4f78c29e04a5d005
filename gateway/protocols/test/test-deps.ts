/** What a protocol's listener needs besides Access and Sessions, one target behind all of its connections. */
import { createHmac } from 'node:crypto';
import type { Logger } from '../../../platform/log/log.ts';
import { quietMetrics } from '../../../test/support/quiet-metrics.ts';
import type { ConnectionConfig, ProtocolDeps, TargetCredential } from '../protocol.ts';

export interface TestTarget {
  readonly protocol: ConnectionConfig['protocol'];
  readonly target: { readonly host: string; readonly port: number };
  readonly credential: TargetCredential;
  readonly options: object;
}

/** Errors alone, where the test's reader sees them. */
const errorsOnly: Logger = {
  debug() {},
  info() {},
  warn() {},
  error(fields, message) {
    process.stderr.write(`${message} ${String((fields['cause'] as Error | undefined)?.stack)}\n`);
  },
  child: () => errorsOnly,
};

const CONNECTIONS = ['main', 'locked', 'refused'];

export function testDeps({
  protocol,
  target,
  credential,
  options,
}: TestTarget): Pick<
  ProtocolDeps,
  'connection' | 'grantAccount' | 'credential' | 'log' | 'metrics' | 'hmac'
> {
  return {
    connection: (name) =>
      CONNECTIONS.includes(name)
        ? { name, protocol, host: target.host, port: target.port, credential: 'targets/main', options }
        : undefined,
    grantAccount: () => Promise.resolve(undefined),
    credential: () => Promise.resolve(credential),
    log: errorsOnly,
    metrics: quietMetrics,
    hmac: (secret) => createHmac('sha256', 'key of the tests').update(secret).digest(),
  };
}
