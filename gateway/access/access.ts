/** Who may log in: tokens of the gateway's own, and what is known of the identity behind each. */
import type { Identity } from '../../schemas/types.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';

/** SCRAM-SHA-256 verifier of a token (RFC 5802, section 3): lets a client prove the token without the gateway keeping it. */
export interface ScramVerifier {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** A token's public side: looked up by what the client names before it proves anything. */
export interface TokenRecord {
  readonly tokenId: string;
  readonly identity: Identity;
  readonly scram: ScramVerifier;
  /** Connections the token may open; `*` for all. */
  readonly connections: readonly string[];
}

export type AccessResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: CountersignError };

export interface Access {
  /**
   * Candidates for SCRAM by user name: `subject` or `subject#tokenId` (several live tokens of one account are told apart by
   * token id; without one, the newest live token counts). A name that nobody has gives a made-up verifier that never matches,
   * the same for each try (RFC 5802 does not say so; it keeps names secret).
   */
  scramCandidate(userName: string): Promise<{ token: TokenRecord | undefined; verifier: ScramVerifier }>;
  /** Checks a token shown in the clear (over TLS). Constant time in the secret. */
  verifyToken(token: string): Promise<AccessResult<TokenRecord>>;
  /** The token that a public key is bound to (attribute `ssh_key`, its SHA256 fingerprint); whoever proves the key has proved the token. */
  tokenByKey(fingerprint: string): Promise<TokenRecord | undefined>;
  /** A token by its public id, for proofs that name it (certificates); also one that has expired or is revoked: `admit` says so. */
  tokenById(tokenId: string): Promise<TokenRecord | undefined>;
  /** Last check before a session opens: expired, revoked, locked out, connection not allowed, lease lost. */
  admit(token: TokenRecord, connection: string): AccessResult<Identity>;
}
