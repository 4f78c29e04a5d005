/** Security keys and passkeys (WebAuthn Level 3), with the person verified by the authenticator. */
import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server';

/** Loaded where somebody uses a key: it takes 24 MB, and most gateways never need it. */
const library = (): Promise<typeof import('@simplewebauthn/server')> => import('@simplewebauthn/server');

/** A key as it is kept. */
export type WebauthnKey = {
  readonly id: string;
  /** COSE, base64url. */
  readonly publicKey: string;
  readonly counter: number;
  readonly transports: readonly string[];
  readonly name: string;
  readonly addedAt: number;
};

/** Where pages are: the domain that keys are bound to, and the origins that may ask for them. */
export interface RelyingParty {
  readonly id: string;
  readonly origins: readonly string[];
}

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

const NAME = 'Countersign';
/** COSE: Ed25519, ECDSA with P-256, RSA. */
const ALGORITHMS = [-8, -7, -257] as const;
const TIMEOUT_MS = 120_000;
type Transports = NonNullable<RegistrationResponseJSON['response']['transports']>;
const bytes = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, 'base64url'));

const failed = (cause: unknown): { readonly ok: false; readonly reason: string } => ({
  ok: false,
  reason: cause instanceof Error ? cause.message.slice(0, 300) : 'it cannot be read',
});

/** What the browser needs to make a key. `challenge`: at least 16 random bytes. */
export const creationOptions = async (
  party: RelyingParty,
  who: { readonly identityId: string; readonly userId: Uint8Array; readonly keys: readonly WebauthnKey[] },
  challenge: Uint8Array,
): Promise<PublicKeyCredentialCreationOptionsJSON> =>
  (await library()).generateRegistrationOptions({
    rpName: NAME,
    rpID: party.id,
    userName: who.identityId,
    userID: Uint8Array.from(who.userId),
    challenge: Uint8Array.from(challenge),
    timeout: TIMEOUT_MS,
    attestationType: 'none',
    supportedAlgorithmIDs: [...ALGORITHMS],
    excludeCredentials: who.keys.map(({ id, transports }) => ({
      id,
      transports: [...transports] as Transports,
    })),
    authenticatorSelection: { residentKey: 'discouraged', userVerification: 'required' },
  });

export async function checkCreation(
  party: RelyingParty,
  response: RegistrationResponseJSON,
  challenge: string,
  about: { readonly name: string; readonly now: number },
): Promise<Checked<WebauthnKey>> {
  try {
    const { verified, registrationInfo } = await (
      await library()
    ).verifyRegistrationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: [...party.origins],
      expectedRPID: party.id,
      requireUserVerification: true,
      supportedAlgorithmIDs: [...ALGORITHMS],
    });
    if (!verified) return { ok: false, reason: 'the answer of the key does not verify' };
    const { credential } = registrationInfo;
    return {
      ok: true,
      value: {
        id: credential.id,
        publicKey: Buffer.from(credential.publicKey).toString('base64url'),
        counter: credential.counter,
        transports: [...(credential.transports ?? [])],
        name: about.name,
        addedAt: about.now,
      },
    };
  } catch (cause) {
    return failed(cause);
  }
}

/** What the browser needs to have one of the keys sign. */
export const requestOptions = async (
  party: RelyingParty,
  keys: readonly WebauthnKey[],
  challenge: Uint8Array,
): Promise<PublicKeyCredentialRequestOptionsJSON> =>
  (await library()).generateAuthenticationOptions({
    rpID: party.id,
    challenge: Uint8Array.from(challenge),
    timeout: TIMEOUT_MS,
    userVerification: 'required',
    allowCredentials: keys.map(({ id, transports }) => ({ id, transports: [...transports] as Transports })),
  });

/** The key that signed, with its new counter. */
export async function checkRequest(
  party: RelyingParty,
  response: AuthenticationResponseJSON,
  keys: readonly WebauthnKey[],
  challenge: string,
): Promise<Checked<WebauthnKey>> {
  const key = keys.find(({ id }) => id === response.id);
  if (key === undefined) return { ok: false, reason: 'this key is not enrolled' };
  try {
    const { verified, authenticationInfo } = await (
      await library()
    ).verifyAuthenticationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: [...party.origins],
      expectedRPID: party.id,
      requireUserVerification: true,
      credential: {
        id: key.id,
        publicKey: bytes(key.publicKey),
        counter: key.counter,
        transports: [...key.transports] as Transports,
      },
    });
    return verified
      ? { ok: true, value: { ...key, counter: authenticationInfo.newCounter } }
      : { ok: false, reason: 'the answer of the key does not verify' };
  } catch (cause) {
    return failed(cause);
  }
}
