import type { ConnectionOptions } from 'node:tls';

/** What both client libraries are told. */
export interface TransportOptions {
  readonly clientId: string;
  readonly connectTimeoutMs: number;
  /** Time for an answer, beside what the request itself says. */
  readonly requestTimeoutMs: number;
  readonly tls?: ConnectionOptions;
  readonly login?: {
    readonly mechanism: 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    /** Asked for at each login, so that a changed secret is taken up. */
    password(): Promise<string>;
  };
}
