import Type from 'typebox';
import { Id, Time } from './common.ts';

/** A certificate for a public key: it opens what a token opens, as long as the token does at most. */
export const SshCertificateRequest = Type.Object(
  {
    tokenId: Id,
    publicKey: Type.String({
      minLength: 1,
      maxLength: 8192,
      description: 'Public key of the holder, as in a .pub file: Ed25519, ECDSA or RSA.',
    }),
    ttlMs: Type.Integer({
      minimum: 1000,
      maximum: 86_400_000,
      default: 900_000,
      description: 'How long it is good for, milliseconds; never longer than its token.',
    }),
    sourceAddress: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1024,
        description: 'Addresses and networks it may be used from, by comma.',
      }),
    ),
    forceCommand: Type.Optional(
      Type.String({ minLength: 1, maxLength: 4096, description: 'Runs in place of whatever is asked for.' }),
    ),
  },
  { additionalProperties: false },
);
export type SshCertificateRequest = Type.Static<typeof SshCertificateRequest>;

export const SshCertificateAnswer = Type.Object({
  certificate: Type.String({ description: 'For the file KEY-cert.pub.' }),
  expiresAt: Time,
});
export type SshCertificateAnswer = Type.Static<typeof SshCertificateAnswer>;
