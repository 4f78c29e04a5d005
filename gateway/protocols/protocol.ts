/** The interface of all protocols: one folder each, one line in registry.ts. */
import type { TSchema } from 'typebox';
import type { Clock, Random } from '../../platform/clock/clock.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Metrics } from '../../platform/metrics/metrics.ts';
import type { GrantAccount } from '../approvals/grant-accounts.ts';
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

/**
 * The credential that the gateway holds for a target, as JSON in the vault. A protocol that cannot use a kind says so when it
 * would log in.
 */
export type TargetCredential =
  | PasswordCredential
  | TlsCredential
  /** PEM or OpenSSH text. */
  | { readonly username: string; readonly privateKey: string; readonly passphrase?: string }
  /** Nothing is kept: the gateway's own authority certifies a key that lives for one login. */
  | { readonly username: string; readonly certificate: 'gateway-ca' };

export interface PasswordCredential {
  readonly username: string;
  readonly password: string;
}

/** A certificate that the target's TLS checks, PEM; with a password where the target wants both. */
export interface TlsCredential {
  readonly username: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
  readonly password?: string;
}

export interface TlsIdentity {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** What a listener proves itself with to its clients; each protocol asks for what it needs. */
export interface ListenerProofs {
  /** The configured certificate, or on loopback one that is made and kept. Throws LISTENER_TLS_REQUIRED. */
  tls(): Promise<TlsIdentity>;
}

export interface ProtocolDeps {
  readonly access: Access;
  readonly sessions: Sessions;
  /** Connections of this protocol by name. */
  connection(name: string): ConnectionConfig | undefined;
  /** Reads the target's credential from the vault. */
  credential(connection: ConnectionConfig): Promise<TargetCredential>;
  /** The account that an identity's sessions on a connection use at the target, by a grant; undefined: the connection's own. */
  grantAccount(identityId: string, connection: string): Promise<GrantAccount | undefined>;
  /** A secret text of the gateway's own under a name (host keys), the same on all gateways of one vault: made by the first who asks. */
  kept(name: string, make: () => string): Promise<string>;
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
  /** At most so many connections that have not logged in. */
  readonly pendingLoginsMax: number;
  readonly loginTimeoutMs: number;
  readonly sessionsMax: number;
  /** The process stays awake for so long after the last message, microseconds. */
  readonly busyPollUs?: number;
}

/** Where a listener is, and what its clients trust it by. */
export interface ListenerAddress {
  readonly host: string;
  readonly port: number;
  /** Certificate of the authority (PEM) where it speaks TLS; host keys as lines of known_hosts without the host for SSH. */
  readonly trust: {
    readonly tls: boolean;
    readonly ca: string | null;
    readonly hostKeys?: readonly string[];
    /** Public key of the authority that certifies this gateway towards targets. */
    readonly userAuthority?: string;
  };
}

export interface ProtocolListener {
  /** Resolves with the address it listens on. */
  start(): Promise<ListenerAddress>;
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
  /** `config` is the section of the configuration that has the protocol's name. */
  createListener(
    deps: ProtocolDeps,
    config: ListenerConfig,
    proofs: ListenerProofs,
  ): Promise<ProtocolListener>;
  /** Ends what an earlier gateway process left running in a target, by the spooled `targetSession`. Idempotent. */
  endLeftover(deps: ProtocolDeps, connection: ConnectionConfig, targetSession: string): Promise<void>;
  /** Drops the account of a grant that is over; idempotent. Absent: grants have no accounts in this protocol. */
  dropGrantAccount?(
    deps: ProtocolDeps,
    connection: ConnectionConfig,
    account: Pick<GrantAccount, 'name' | 'roles'>,
  ): Promise<void>;
}
