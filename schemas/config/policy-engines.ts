/** Policies in Rego: as an OPA bundle evaluated in the gateway, or asked of an OPA server. */
import Type from 'typebox';
import { Literals } from '../literals.ts';
import { SecretReference } from './secret.ts';

const ms = (description: string, value: number, minimum: number, maximum: number) =>
  Type.Integer({ description: `${description}, milliseconds.`, default: value, minimum, maximum });

const caFile = Type.Optional(
  Type.String({
    minLength: 1,
    description: 'PEM file of the authority of its certificate. Absent: the usual ones.',
  }),
);

const Verification = Type.Object(
  {
    keyId: Type.String({
      minLength: 1,
      description:
        'Id of the key. A bundle whose .signatures.json names another is refused; one that names none is held against this key.',
      default: 'default',
    }),
    algorithm: Type.Union(
      Literals(
        ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
        ...(['ES256', 'ES384', 'ES512', 'HS256', 'HS384', 'HS512'] as const),
      ),
      {
        description: 'Algorithm of the signature (RFC 7518); no other is taken.',
        default: 'RS256',
      },
    ),
    publicKeyFile: Type.Optional(
      Type.String({ minLength: 1, description: 'PEM file of the public key (or a certificate).' }),
    ),
    secret: Type.Optional(SecretReference),
    scope: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Scope that the signature must state. Absent: none is asked for.',
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      "How the bundle's signature is checked (OPA's bundle signing). Absent: unsigned bundles are taken, but only from a file.",
  },
);

export const RegoConfig = Type.Object(
  {
    bundleFile: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'The bundle (tar.gz) as a file; it is read again when it changes.',
      }),
    ),
    bundleUrl: Type.Optional(
      Type.String({
        pattern: '^https?://',
        description: 'The bundle at a bundle server, asked for with its ETag; https, but on loopback.',
      }),
    ),
    token: Type.Optional(SecretReference),
    caFile,
    pollMs: ms('Time between looks for a new bundle', 10_000, 100, 86_400_000),
    verification: Type.Optional(Verification),
    entrypoint: Type.String({
      minLength: 1,
      maxLength: 512,
      description: 'The rule that decides, as the bundle was built with it (opa build -t wasm -e ...).',
      default: 'countersign/decision',
    }),
    deadlineMs: ms('Longest evaluation; what takes longer is ended and denied', 250, 10, 10_000),
    memoryBytesMax: Type.Integer({
      description: 'Memory that an evaluation may take.',
      default: 67_108_864,
      minimum: 1_048_576,
      maximum: 1_073_741_824,
    }),
    bundleBytesMax: Type.Integer({
      description: 'Size of a bundle, unpacked.',
      default: 67_108_864,
      minimum: 1024,
      maximum: 1_073_741_824,
    }),
    waitingMax: Type.Integer({
      description: 'Decisions that may wait for the evaluation; more are denied.',
      default: 1000,
      minimum: 1,
      maximum: 100_000,
    }),
    withUsage: Type.Boolean({
      description:
        'Whether the input says what was done before (requests of the last minute, rows and bytes of the session). Then no decision is used again, and each costs an evaluation.',
      default: false,
    }),
    cachedMax: Type.Integer({
      description: 'Decisions kept, by what of the input counts; 0 keeps none.',
      default: 20_000,
      minimum: 0,
      maximum: 1_000_000,
    }),
  },
  {
    additionalProperties: false,
    description: 'With kind rego: the policy as an OPA bundle, compiled to WebAssembly.',
  },
);
export type RegoConfig = Type.Static<typeof RegoConfig>;

export const OpaConfig = Type.Object(
  {
    url: Type.String({
      pattern: '^https?://',
      description: 'Address of the OPA server; https, but on loopback.',
      default: 'http://127.0.0.1:8181',
    }),
    path: Type.String({
      minLength: 1,
      maxLength: 512,
      pattern: '^[A-Za-z0-9_./-]+$',
      description: 'The rule that decides: POST /v1/data/PATH.',
      default: 'countersign/decision',
    }),
    token: Type.Optional(SecretReference),
    caFile,
    timeoutMs: ms('Longest wait for an answer; without one it is denied', 500, 10, 30_000),
    connectionsMax: Type.Integer({
      description: 'Connections to it at a time; they are kept.',
      default: 8,
      minimum: 1,
      maximum: 256,
    }),
    waitingMax: Type.Integer({
      description: 'Decisions that may wait for an answer; more are denied.',
      default: 1000,
      minimum: 1,
      maximum: 100_000,
    }),
    cacheMs: ms('How long an answer is used again for the same input; 0: not at all', 1000, 0, 60_000),
    withUsage: Type.Boolean({
      description:
        'Whether the input says what was done before (requests of the last minute, rows and bytes of the session). Then no decision is used again, and each costs an evaluation.',
      default: false,
    }),
    cachedMax: Type.Integer({
      description: 'Answers kept.',
      default: 20_000,
      minimum: 1,
      maximum: 1_000_000,
    }),
  },
  { additionalProperties: false, description: 'With kind opa: the server that is asked.' },
);
export type OpaConfig = Type.Static<typeof OpaConfig>;

export const DecisionLogConfig = Type.Object(
  {
    file: Type.Optional(
      Type.String({ minLength: 1, description: 'File that takes them, one JSON object a line.' }),
    ),
    url: Type.Optional(
      Type.String({
        pattern: '^https?://',
        description: 'Server that takes them: POST URL/logs, gzip; https, but on loopback.',
      }),
    ),
    token: Type.Optional(SecretReference),
    caFile,
    cached: Type.Boolean({
      description:
        'Whether decisions that were used again are logged, too; else only those that were evaluated.',
      default: false,
    }),
    flushMs: ms('Longest time that one waits before it is sent', 5000, 50, 600_000),
    bufferedMax: Type.Integer({
      description: 'Records that may wait; past that the oldest are dropped and counted.',
      default: 10_000,
      minimum: 1,
      maximum: 1_000_000,
    }),
    erase: Type.Array(Type.String({ pattern: '^/(input|result)(/[^/]+)*$', maxLength: 512 }), {
      description:
        'What is taken out of each record, as JSON pointers (/input/client/ip); named in its field erased.',
      default: [],
      maxItems: 100,
    }),
  },
  {
    additionalProperties: false,
    description:
      "Decision logs in OPA's format, besides the events that each decision is in anyway. With kind rego and opa. Absent: none.",
  },
);
export type DecisionLogConfig = Type.Static<typeof DecisionLogConfig>;
