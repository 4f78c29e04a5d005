/** What an outside credential has become once it is verified and a rule has taken it. */
import type { IdentityKind } from '../../../schemas/types.ts';

export interface OutsideActor {
  readonly identityId: string;
  readonly subject: string;
}

export interface Outside {
  /** Name of the issuer or certificate source in the configuration. */
  readonly issuer: string;
  readonly rule: string;
  readonly identityId: string;
  readonly kind: IdentityKind;
  readonly displayName: string;
  /** Null: as they are known already (SCIM). */
  readonly groups: readonly string[] | null;
  readonly credentialSource: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly connections: readonly string[];
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
  /** Of the gateway token: bounded by the outside one and by the rule. */
  readonly expiresAt: number;
  /** When the outside credential ends. */
  readonly until: number;
  readonly networks: readonly string[] | null;
  readonly bindAddress: boolean;
  readonly bindKey: 'none' | 'dpop' | 'mtls' | 'any';
  /** Key that the outside token itself is bound to (claim `cnf`). */
  readonly confirmedKey: string | null;
  /** Identity ids (globs) of agents that may act for this subject. */
  readonly actors: readonly string[];
  /** Who acts already, by the token's own claim `act`: the present actor first, then earlier ones. */
  readonly act: readonly OutsideActor[];
  /** Digest of what was signed: the same for each time that this very token is shown. */
  readonly digest: string;
  /** Must not have been used before. */
  readonly oneUse: boolean;
}
