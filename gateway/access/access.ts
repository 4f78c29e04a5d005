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
  /** Whom an agent acts for, nearest first, with their groups at the time; none for who acts for itself. */
  readonly principals: readonly Identity[];
  /** Where and with what it may be used; absent: anywhere, by whoever has it. */
  readonly bindings?: TokenBindings;
}

export interface TokenBindings {
  /** Networks (CIDR) that it may be used from; each of the lists must match. */
  readonly networks?: readonly (readonly string[])[];
  /** Key that must be proved with it: `dpop:` and a JWK thumbprint (RFC 9449), `mtls:` and a certificate's SHA-256 (RFC 8705). */
  readonly key?: string;
}

/** What a protocol knows of a login besides the credential. */
export interface LoginContext {
  /** Null at the control API. */
  readonly connection: string | null;
  readonly clientIp: string;
  /** A key that the client has proved, where the protocol can carry such a proof. */
  readonly proofOfKey?: {
    readonly kind: 'dpop' | 'mtls';
    readonly thumbprint: string;
    /** Of a proof that is good once, on all gateways of the control store; what comes of it uses it up (spent-proofs.ts). */
    readonly proofId?: string;
  };
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
  /**
   * Checks whatever a client shows in the clear (over TLS): a token of the gateway's own, or one of a configured issuer, which is
   * exchanged for a token record of the gateway, the same for each time it is shown. `admit` still follows.
   */
  verifyBearer(credential: string, context: LoginContext): Promise<AccessResult<TokenRecord>>;
  /** The token that a public key is bound to (attribute `ssh_key`, its SHA256 fingerprint); whoever proves the key has proved the token. */
  tokenByKey(fingerprint: string): Promise<TokenRecord | undefined>;
  /** A token by its public id, for proofs that name it (certificates); also one that has expired or is revoked: `admit` says so. */
  tokenById(tokenId: string): Promise<TokenRecord | undefined>;
  /**
   * Last check before a session opens: expired, revoked, locked out, connection not allowed, bound elsewhere, lease lost. Without a
   * context a bound token is refused; `connection` null: the control API.
   */
  admit(
    token: TokenRecord,
    connection: string | null,
    context?: Omit<LoginContext, 'connection'>,
  ): AccessResult<Identity>;
}
