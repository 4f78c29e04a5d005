/** The interface of all protocols: one folder each, one line in registry.ts. */
import type { TSchema } from 'typebox';
import type { Clock, Random } from '../../platform/clock/clock.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Metrics } from '../../platform/metrics/metrics.ts';
import type { Access } from '../access/access.ts';
import type { Sessions } from '../sessions/session.ts';

/** A configured target, as every protocol needs it; what is the protocol's own stands in `options`. */
export interface ConnectionConfig<O = unknown> {
  readonly name: string;
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  /** Vault path of the target's credential. */
  readonly credential: string;
  readonly options: O;
}

/** The credential that the gateway holds for a target. */
export interface TargetCredential {
  readonly username: string;
  readonly password: string;
}

export interface TlsIdentity {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface ProtocolDeps {
  readonly access: Access;
  readonly sessions: Sessions;
  /** Connections of this protocol by name. */
  connection(name: string): ConnectionConfig | undefined;
  /** Reads the target's credential from the vault. */
  credential(connection: ConnectionConfig): Promise<TargetCredential>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Keyed HMAC for secrets that must be recognisable but not readable (SHA-256). */
  hmac(secret: string | Uint8Array): Buffer;
}

export interface ListenerConfig {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly tls: TlsIdentity | null;
  /** At most so many connections that have not logged in. */
  readonly pendingLoginsMax: number;
  readonly loginTimeoutMs: number;
  readonly sessionsMax: number;
}

export interface ProtocolListener {
  /** Resolves with the address it listens on. */
  start(): Promise<{ host: string; port: number }>;
  /** Takes no more clients; ends open sessions after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

export interface Protocol {
  readonly name: string;
  /** Of ConnectionConfig.options. */
  readonly optionsSchema: TSchema;
  /** What is wrong with a connection beyond its schema; undefined where it may be used. */
  checkConnection?(
    connection: Pick<ConnectionConfig, 'name' | 'host' | 'options'>,
  ): CountersignError | undefined;
  createListener(deps: ProtocolDeps, config: ListenerConfig): ProtocolListener;
  /** Ends what an earlier gateway process left running in a target, by the spooled `targetSession`. Idempotent. */
  endLeftover(deps: ProtocolDeps, connection: ConnectionConfig, targetSession: string): Promise<void>;
}
