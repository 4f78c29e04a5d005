import Type from 'typebox';
import { Scope } from '../api/common.ts';
import { SecretReference } from './secret.ts';

const whose = {
  subject: Type.String({
    minLength: 1,
    maxLength: 200,
    description: 'Who calls with it; stands in the audit trail.',
  }),
  scopes: Type.Array(Scope, { minItems: 1, maxItems: 10, description: 'What it may do.' }),
};

export const ApiTokenConfig = Type.Union([
  Type.Object(
    {
      ...whose,
      sha256: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of the token, hex.' }),
    },
    { additionalProperties: false },
  ),
  Type.Object({ ...whose, secret: SecretReference }, { additionalProperties: false }),
]);
export type ApiTokenConfig = Type.Static<typeof ApiTokenConfig>;

/** The listener of the control API. */
export const ControlApiConfig = Type.Object(
  {
    host: Type.String({
      description: 'Address to listen on; off loopback TLS is required.',
      default: '127.0.0.1',
    }),
    port: Type.Integer({
      description: 'Port; 0 takes a free one.',
      default: 8443,
      minimum: 0,
      maximum: 65_535,
    }),
    tls: Type.Optional(
      Type.Object(
        {
          certificateFile: Type.String({ minLength: 1, description: 'Certificate chain, PEM.' }),
          keyFile: Type.String({ minLength: 1, description: 'Its private key, PEM.' }),
        },
        { additionalProperties: false, description: 'Certificate of the listener.' },
      ),
    ),
    tokens: Type.Array(ApiTokenConfig, {
      description: 'Tokens that may call, by digest or by reference. A responder needs `contain`.',
      default: [],
      maxItems: 1000,
    }),
    bodyBytesMax: Type.Integer({
      description: 'Longest body of a call, bytes.',
      default: 1_048_576,
      minimum: 1024,
      maximum: 67_108_864,
    }),
    requestTimeoutMs: Type.Integer({
      description:
        'A call that has not arrived whole by then is cut off (its headers after a minute), milliseconds.',
      default: 300_000,
      minimum: 100,
      maximum: 3_600_000,
    }),
    inForceTimeoutMs: Type.Integer({
      description: 'How long a call waits for all gateways to apply a lockout, milliseconds.',
      default: 5000,
      minimum: 0,
      maximum: 60_000,
    }),
    callsPerSecondMax: Type.Integer({
      description: 'Calls of one token in a second, ten seconds of which may come at once.',
      default: 500,
      minimum: 1,
      maximum: 1_000_000,
    }),
    loginsFailedPerMinuteMax: Type.Integer({
      description: 'Wrong tokens from one address in a minute; more are refused unread.',
      default: 60,
      minimum: 1,
      maximum: 1_000_000,
    }),
    streamsMax: Type.Integer({
      description: 'Event streams open at once.',
      default: 100,
      minimum: 1,
      maximum: 10_000,
    }),
    streamBytesMax: Type.Integer({
      description: 'Bytes that may wait for a slow reader of a stream; more end it.',
      default: 8_388_608,
      minimum: 65_536,
      maximum: 1_073_741_824,
    }),
    connectionsMax: Type.Integer({
      description: 'Open connections.',
      default: 2000,
      minimum: 1,
      maximum: 100_000,
    }),
  },
  { description: 'The control API.', default: {}, additionalProperties: false },
);
export type ControlApiConfig = Type.Static<typeof ControlApiConfig>;
