/** Issuers of outside credentials, and whom a credential stands for. */
import Type from 'typebox';
import { Literals } from '../literals.ts';
import { SecretReference } from './secret.ts';

export const ms = (description: string, value: number, minimum: number, maximum: number) =>
  Type.Integer({ description: `${description}, milliseconds.`, default: value, minimum, maximum });
const Claim = Type.String({ minLength: 1, maxLength: 256 });
const Template = Type.String({ minLength: 1, maxLength: 512 });
/** Stands before the subject in identity ids, so it must never be given to another issuer. */
const SourceName = Type.String({
  pattern: '^(?!countersign$)[a-z0-9][a-z0-9.-]{0,62}$',
  description:
    'Short name; identity ids are NAME/SUBJECT. Once used it must never be given to another issuer. `countersign` is the gateway itself.',
});

/** What an outside credential becomes. `{claim}` in templates is a claim by name, `{/a/b}` one by JSON pointer (RFC 6901). */
export const AccessRule = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'Stands on the token as attribute `access_rule`.',
    }),
    match: Type.Record(
      Claim,
      Type.Union([
        Type.String({ maxLength: 512 }),
        Type.Array(Type.String({ maxLength: 512 }), { minItems: 1, maxItems: 200 }),
      ]),
      {
        description:
          'Claims (by name, or by JSON pointer) and what they must be: a text with `*` for any run of characters, or a list of such. Of a claim that is a list, one entry must match. All must hold.',
        default: {},
      },
    ),
    identityKind: Type.Optional(
      Type.Union(Literals('human', 'service_account', 'workload', 'ai_agent'), {
        description: 'Kind of identity. Absent: human for kind oidc, else workload.',
      }),
    ),
    subject: Type.String({
      minLength: 1,
      maxLength: 512,
      description: 'Subject of the identity; must be what the issuer never gives to anybody else.',
      default: '{sub}',
    }),
    displayName: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description: 'Name for people to read, from claims. Absent: by kind.',
      }),
    ),
    credentialSource: Type.Optional(
      Type.Array(Template, {
        minItems: 1,
        maxItems: 10,
        description:
          'Where the credential comes from: the first template all of whose claims are there. Absent: by kind (docs/identity.md).',
      }),
    ),
    groups: Type.Array(Type.String({ minLength: 1, maxLength: 200 }), {
      description: 'Groups besides those of the claim.',
      default: [],
      maxItems: 100,
    }),
    groupsClaim: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        description: 'Claim with the groups (a list, or a text divided by spaces or commas).',
      }),
    ),
    groupsAllowed: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 200 }), {
        maxItems: 1000,
        description:
          'Groups of the claim that count, with `*` for any run of characters. Absent: all. Groups of all issuers share one name space, so name them for an issuer that you trust less.',
      }),
    ),
    connections: Type.Array(Type.String({ minLength: 1, maxLength: 63 }), {
      minItems: 1,
      maxItems: 1000,
      description: 'Connections it may open; `*` for all.',
    }),
    attributes: Type.Record(Type.String({ minLength: 1, maxLength: 100 }), Template, {
      description: 'Attributes of the identity from claims, besides those of the kind.',
      default: {},
    }),
    ttlMsMax: ms(
      'Longest life of the gateway token; never longer than the outside one',
      3_600_000,
      1000,
      86_400_000,
    ),
    networks: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
        minItems: 1,
        maxItems: 1000,
        description: 'Networks (CIDR) that it may be used from.',
      }),
    ),
    bindAddress: Type.Boolean({
      description: 'The gateway token works only from the address that the outside one was first shown from.',
      default: false,
    }),
    bindKey: Type.Union(Literals('none', 'dpop', 'mtls', 'any'), {
      description:
        'The gateway token is bound to a key, and the exchange must prove it: by DPoP (RFC 9449), by a client certificate (RFC 8705), or by any of both. Bound tokens work at the control API only, since other protocols carry no such proof.',
      default: 'none',
    }),
    actors: Type.Array(Type.String({ minLength: 1, maxLength: 512 }), {
      description:
        'Identity ids of agents (with `*`) that may act on behalf of these subjects, besides those that the token names itself (`may_act`).',
      default: [],
      maxItems: 1000,
    }),
  },
  { additionalProperties: false, description: 'Whom a credential is taken for, and what it may open.' },
);
export type AccessRule = Type.Static<typeof AccessRule>;

const rules = Type.Array(AccessRule, {
  minItems: 1,
  maxItems: 1000,
  description: 'The first one that matches counts; without one the credential is refused.',
});
const file = (description: string) => Type.String({ minLength: 1, maxLength: 4096, description });
const url = (description: string) =>
  Type.String({ pattern: '^https?://[^\\s#]+$', maxLength: 2048, description });

export const IssuerConfig = Type.Object(
  {
    name: SourceName,
    kind: Type.Union(Literals('oidc', 'github-actions', 'gitlab', 'kubernetes', 'spiffe-jwt', 'jwt'), {
      description: 'What it issues; decides the defaults of rules.',
    }),
    issuer: Type.Optional(url('Claim `iss`, letter by letter. Required but for kind spiffe-jwt.')),
    trustDomain: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9._-]{1,255}$',
        description: 'Kind spiffe-jwt: the trust domain; subjects are spiffe://TRUSTDOMAIN/...',
      }),
    ),
    audiences: Type.Array(Type.String({ minLength: 1, maxLength: 512 }), {
      minItems: 1,
      maxItems: 20,
      description: 'Claim `aud`: one of these. A token for somebody else is refused.',
    }),
    jwks: Type.Optional(
      Type.Union(
        [
          Type.Object({ uri: url('Address of the keys.') }, { additionalProperties: false }),
          Type.Object(
            { file: file('File with the keys (JWK set); read again when it changes.') },
            { additionalProperties: false },
          ),
        ],
        {
          description:
            'Where the signing keys are. Absent: by discovery (ISSUER/.well-known/openid-configuration).',
        },
      ),
    ),
    caFile: Type.Optional(
      file('Authority (PEM) of the addresses of this issuer, where it is none of the public ones.'),
    ),
    algorithms: Type.Array(
      Type.Union(
        Literals('RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'),
      ),
      {
        minItems: 1,
        maxItems: 10,
        description: 'Signature algorithms; symmetric ones and `none` do not exist here.',
        default: ['RS256', 'ES256', 'PS256', 'EdDSA'],
      },
    ),
    clockSkewMs: ms('How far in the future a token may have been issued', 30_000, 0, 300_000),
    ageMsMax: Type.Optional(
      Type.Integer({
        minimum: 1000,
        maximum: 86_400_000,
        description: 'Oldest token that is taken, by its claim `iat`, milliseconds.',
      }),
    ),
    oneUse: Type.Boolean({
      description: 'Each token is taken once, by its claim `jti`, which it must have.',
      default: false,
    }),
    userInfo: Type.Boolean({
      description:
        "Kind oidc: claims are read from the provider's userinfo endpoint with the access token that is shown (pull).",
      default: false,
    }),
    groupsFrom: Type.Union(Literals('claims', 'scim'), {
      description: 'Where groups come from: claims of the token, or what SCIM has pushed.',
      default: 'claims',
    }),
    tokenReview: Type.Optional(
      Type.Object(
        {
          server: url('Address of the Kubernetes API server.'),
          credential: SecretReference,
        },
        {
          additionalProperties: false,
          description:
            'Kind kubernetes: the API server checks each token (TokenReview), so one of a deleted pod or account is refused.',
        },
      ),
    ),
    rules,
  },
  { additionalProperties: false, description: 'An issuer of JSON web tokens.' },
);
export type IssuerConfig = Type.Static<typeof IssuerConfig>;

export const CertificateSourceConfig = Type.Object(
  {
    name: SourceName,
    kind: Type.Union(Literals('spiffe-x509', 'x509'), {
      description: 'SPIFFE ids (URI names of the trust domain), or plain client certificates.',
    }),
    trustDomain: Type.Optional(
      Type.String({ pattern: '^[a-z0-9._-]{1,255}$', description: 'Kind spiffe-x509: the trust domain.' }),
    ),
    trustBundleFile: file('Authorities, PEM; read again when it changes.'),
    rules,
  },
  {
    additionalProperties: false,
    description:
      'Client certificates at the control API (mTLS). Claims of rules: sub, cn, ou, o, uri, dns, email, serial, issuer.',
  },
);
export type CertificateSourceConfig = Type.Static<typeof CertificateSourceConfig>;
