import Type from 'typebox';
import { Id, nullable, Time } from './common.ts';

const text = (description: string, maxLength: number) =>
  Type.String({ minLength: 1, maxLength, description });
const TOKEN_TYPES = 'urn:ietf:params:oauth:token-type:';
const Token = text('Token.', 16_384);

/** RFC 8693, section 2.1; RFC 6749, section 4.4 for client certificates. */
export const ExchangeRequest = Type.Object({
  grant_type: Type.Union(
    [Type.Literal('urn:ietf:params:oauth:grant-type:token-exchange'), Type.Literal('client_credentials')],
    { description: 'client_credentials: the client certificate of the connection is what is exchanged.' },
  ),
  subject_token: Type.Optional(Token),
  subject_token_type: Type.Optional(
    text('Any of access_token, id_token, jwt; all are looked at alike.', 200),
  ),
  actor_token: Type.Optional(Token),
  actor_token_type: Type.Optional(text('As subject_token_type.', 200)),
  requested_token_type: Type.Optional(
    Type.Literal(`${TOKEN_TYPES}access_token`, { description: 'Nothing else is issued.' }),
  ),
  audience: Type.Optional(
    Type.Union([text('A connection.', 63), Type.Array(text('A connection.', 63), { maxItems: 100 })], {
      description: 'Connections that the token shall open; absent: all that its holder may.',
    }),
  ),
  expires_in: Type.Optional(
    Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: '^[1-9][0-9]{0,8}$' })], {
      description: 'Seconds that it shall live at most.',
    }),
  ),
  scope: Type.Optional(
    Type.String({ maxLength: 2000, description: 'Not looked at: rules say what it may.' }),
  ),
  client_id: Type.Optional(Type.String({ maxLength: 512, description: 'Not looked at.' })),
});
export type ExchangeRequest = Type.Static<typeof ExchangeRequest>;

/** RFC 8693, section 2.2.1, and what clients of other protocols need. */
export const ExchangeAnswer = Type.Object({
  access_token: Type.String({ description: 'Token of the gateway; shown once.' }),
  issued_token_type: Type.Literal(`${TOKEN_TYPES}access_token`),
  token_type: Type.Union([Type.Literal('Bearer'), Type.Literal('DPoP')]),
  expires_in: Type.Integer({ description: 'Seconds.' }),
  user_name: Type.String({ description: 'Name to log in with.' }),
  token_id: Id,
  identity_id: Id,
  on_behalf_of: Type.Array(Id),
  connections: Type.Array(Type.String()),
  expires_at: Time,
});
export type ExchangeAnswer = Type.Static<typeof ExchangeAnswer>;

/** What `countersign login` needs to know of the provider. */
export const LoginAnswer = Type.Object({
  issuer: Type.String({ description: 'Address of the provider.' }),
  clientId: Type.String(),
  scopes: Type.Array(Type.String()),
  resource: nullable(Type.String()),
  shows: Type.Union([Type.Literal('id_token'), Type.Literal('access_token')], {
    description: 'Which of its tokens the gateway takes.',
  }),
});
export type LoginAnswer = Type.Static<typeof LoginAnswer>;

/** RFC 7009: whoever has a token may end it. */
export const RevokeRequest = Type.Object({
  token: Token,
  token_type_hint: Type.Optional(Type.String({ maxLength: 100 })),
});

export const IntrospectRequest = Type.Object({
  token: Token,
  token_type_hint: Type.Optional(Type.String({ maxLength: 100 })),
});

/** RFC 7662, section 2.2; a token that is not active tells nothing else. */
export const IntrospectAnswer = Type.Object({
  active: Type.Boolean(),
  token_type: Type.Optional(Type.Union([Type.Literal('Bearer'), Type.Literal('DPoP')])),
  jti: Type.Optional(Type.String({ description: 'Public id of the token.' })),
  sub: Type.Optional(Type.String({ description: 'Identity id.' })),
  iss: Type.Optional(Type.String()),
  iat: Type.Optional(Type.Integer()),
  exp: Type.Optional(Type.Integer()),
  kind: Type.Optional(Type.String()),
  groups: Type.Optional(Type.Array(Type.String())),
  credential_source: Type.Optional(nullable(Type.String())),
  connections: Type.Optional(Type.Array(Type.String())),
  on_behalf_of: Type.Optional(Type.Array(Type.String())),
  networks: Type.Optional(Type.Array(Type.Array(Type.String()))),
  cnf: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'Key that it is bound to.' })),
});
export type IntrospectAnswer = Type.Static<typeof IntrospectAnswer>;
