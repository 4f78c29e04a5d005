/** Second factors at the control API: invitations, keys, one-time codes. */
import Type from 'typebox';
import { Time } from './common.ts';

/** A binary of WebAuthn's JSON, base64url. */
const Binary = Type.String({ maxLength: 16_384 });
const extensions = { clientExtensionResults: Type.Record(Type.String(), Type.Unknown()) };
/** RegistrationResponseJSON of WebAuthn Level 3. */
export const KeyCreated = Type.Object({
  id: Binary,
  rawId: Binary,
  type: Type.Literal('public-key'),
  response: Type.Object({
    clientDataJSON: Binary,
    attestationObject: Binary,
    transports: Type.Optional(Type.Array(Type.String({ maxLength: 32 }), { maxItems: 16 })),
  }),
  authenticatorAttachment: Type.Optional(Type.String({ maxLength: 32 })),
  ...extensions,
});
/** AuthenticationResponseJSON of WebAuthn Level 3. */
export const KeyUsed = Type.Object({
  id: Binary,
  rawId: Binary,
  type: Type.Literal('public-key'),
  response: Type.Object({
    clientDataJSON: Binary,
    authenticatorData: Binary,
    signature: Binary,
    userHandle: Type.Optional(Binary),
  }),
  authenticatorAttachment: Type.Optional(Type.String({ maxLength: 32 })),
  ...extensions,
});

export const OneTimeCode = Type.String({ pattern: '^[0-9]{6}$', description: 'One-time code.' });

export const InvitationRequest = Type.Object(
  { identity: Type.String({ minLength: 1, maxLength: 512, description: 'Identity id of a person.' }) },
  { additionalProperties: false },
);
export const Invitation = Type.Object({
  code: Type.String({ description: 'Works once; give it to that person by another way than the token.' }),
  expiresAt: Time,
  page: Type.String({ description: 'Where it is used.' }),
});
export type Invitation = Type.Static<typeof Invitation>;

const Code = Type.String({ minLength: 20, maxLength: 64, description: 'Invitation.' });
export const EnrolRequest = Type.Object({ code: Code }, { additionalProperties: false });
export const EnrolKeyRequest = Type.Object(
  {
    code: Code,
    name: Type.String({ minLength: 1, maxLength: 100, description: 'What to call the key.' }),
    response: KeyCreated,
  },
  { additionalProperties: false },
);
export const EnrolCodesRequest = Type.Object(
  { code: Code, oneTime: OneTimeCode },
  { additionalProperties: false },
);
export const Enrolled = Type.Object({ identityId: Type.String() });
export const CodesBegun = Type.Object({
  uri: Type.String({ description: 'otpauth URI for the app.' }),
  secret: Type.String({ description: 'The same secret, base32, to type in.' }),
});
/** Options as the browser takes them (parseCreationOptionsFromJSON, parseRequestOptionsFromJSON). */
export const BrowserOptions = Type.Object({}, { additionalProperties: true });

export const SecondFactorsAnswer = Type.Object({
  keys: Type.Array(Type.Object({ name: Type.String(), addedAt: Time })),
  codes: Type.Boolean({ description: 'Whether one-time codes are set up.' }),
});
