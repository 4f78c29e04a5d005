/** Who may log in besides the accounts of the gateway's own: outside issuers, certificates, people at the API, SCIM. */
import Type from 'typebox';
import { Scope } from '../api/common.ts';
import { CertificateSourceConfig, IssuerConfig, ms } from './issuers.ts';

export type { AccessRule, CertificateSourceConfig, IssuerConfig } from './issuers.ts';

export const LoginConfig = Type.Object(
  {
    issuer: Type.String({ minLength: 1, maxLength: 63, description: 'Name of an issuer of kind oidc.' }),
    clientId: Type.String({ minLength: 1, maxLength: 512, description: 'Public client at the provider.' }),
    scopes: Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
      description: 'Scopes that are asked for.',
      default: ['openid', 'profile', 'email', 'offline_access'],
      maxItems: 50,
    }),
    resource: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 2048,
        description: 'Resource (RFC 8707) of the access token, where the issuer has `userInfo`.',
      }),
    ),
  },
  { additionalProperties: false, description: 'What `countersign login` tells the provider.' },
);
export type LoginConfig = Type.Static<typeof LoginConfig>;

export const AccessConfig = Type.Object(
  {
    issuers: Type.Array(IssuerConfig, {
      description: 'Issuers whose tokens are taken (docs/identity.md).',
      default: [],
      maxItems: 100,
    }),
    certificates: Type.Array(CertificateSourceConfig, {
      description: 'Authorities whose client certificates are taken at the control API.',
      default: [],
      maxItems: 100,
    }),
    login: Type.Optional(LoginConfig),
    groupScopes: Type.Record(
      Type.String({ minLength: 1, maxLength: 200 }),
      Type.Array(Scope, { maxItems: 10 }),
      {
        description: 'What people of a group may do at the control API with their own token.',
        default: {},
      },
    ),
    scim: Type.Optional(
      Type.Object(
        {
          issuer: Type.String({
            minLength: 1,
            maxLength: 63,
            description: 'Name of the issuer whose people are pushed.',
          }),
          subjectFrom: Type.Union(
            [Type.Literal('externalId'), Type.Literal('userName'), Type.Literal('id')],
            {
              description: "Which SCIM attribute is the subject of the issuer's tokens (claim `sub`).",
              default: 'externalId',
            },
          ),
        },
        {
          additionalProperties: false,
          description: 'SCIM 2.0 at /scim/v2, for API tokens with the scope `scim`.',
        },
      ),
    ),
    keys: Type.Object(
      {
        refreshMs: ms('Signing keys older than this are asked for again', 600_000, 1000, 86_400_000),
        keptMsMax: ms(
          'How long keys count while the issuer does not answer; then its tokens are refused',
          3_600_000,
          1000,
          604_800_000,
        ),
        coolDownMs: ms(
          'Time between two questions because of a key that is not known',
          30_000,
          100,
          3_600_000,
        ),
        timeoutMs: ms('How long an issuer may take to answer', 5000, 100, 60_000),
      },
      { additionalProperties: false, description: 'Signing keys of issuers.', default: {} },
    ),
    exchangesPerMinuteMax: Type.Integer({
      description: 'Exchanges of credentials from one address in a minute.',
      default: 120,
      minimum: 1,
      maximum: 1_000_000,
    }),
    review: Type.Object(
      {
        unusedDays: Type.Integer({
          description: '`identity review`: rights that nobody used for so long are named.',
          default: 90,
          minimum: 1,
          maximum: 3650,
        }),
        ttlMsMax: ms(
          '`identity review`: tokens that live longer are named',
          2_592_000_000,
          1000,
          315_360_000_000,
        ),
      },
      { additionalProperties: false, description: 'What `countersign identity review` names.', default: {} },
    ),
  },
  { additionalProperties: false, description: 'Who may log in.', default: {} },
);
export type AccessConfig = Type.Static<typeof AccessConfig>;
