/**
 * Port: secrets that the gateway holds (targets' credentials, its own keys), by path, with versions. Values never leave by a
 * log, error or event. Adapters: embedded. Conformance: gateway/credentials/test/conformance.ts.
 */
export interface VaultSecret {
  readonly value: string;
  /** From 1; each put makes the next. */
  readonly version: number;
}

export interface Vault {
  /** The newest version, or the one asked for; undefined where there is none. */
  get(path: string, version?: number): Promise<VaultSecret | undefined>;
  /** Stores a new version (at most 64 KiB) and returns its number. Earlier ones stay readable, at most 10. */
  put(path: string, value: string): Promise<number>;
  /** The newest version, or `value` stored as the first one: of several processes at once one wins, and all get the same. */
  getOrPut(path: string, value: string): Promise<VaultSecret>;
  /** Paths that start with `prefix`, sorted, at most `limit`. */
  list(prefix: string, limit: number): Promise<string[]>;
  /** Forgets all versions; false where there was none. */
  delete(path: string): Promise<boolean>;
}
