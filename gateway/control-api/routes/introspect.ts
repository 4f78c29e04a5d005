/** POST /v1/tokens/introspect (RFC 7662): what a token of the gateway is good for now. */
import { IntrospectAnswer, IntrospectRequest } from '../../../schemas/api/exchange.ts';
import type { TokenRecord } from '../../access/access.ts';
import { isGatewayToken } from '../http/persons.ts';
import { answers, type Resource } from './route.ts';

/** A bond is for whoever serves the token's holder to check: it is told. */
const BONDS = new Set(['TOKEN_NETWORK_DENIED', 'TOKEN_KEY_REQUIRED']);

function describe({ tokenId, identity, principals, connections, bindings }: TokenRecord): IntrospectAnswer {
  const { id, issuer, kind, groups, credentialSource, issuedAt, expiresAt } = identity;
  const [kindOfKey, thumbprint = ''] = bindings?.key?.split(':') ?? [];
  return {
    active: true,
    token_type: kindOfKey === 'dpop' ? 'DPoP' : 'Bearer',
    jti: tokenId,
    sub: id,
    iss: issuer,
    ...(issuedAt === null ? {} : { iat: Math.floor(issuedAt / 1000) }),
    ...(expiresAt === null ? {} : { exp: Math.floor(expiresAt / 1000) }),
    kind,
    groups: [...groups],
    credential_source: credentialSource,
    connections: [...connections],
    on_behalf_of: principals.map((one) => one.id),
    ...(bindings?.networks === undefined ? {} : { networks: bindings.networks.map((list) => [...list]) }),
    ...(kindOfKey === undefined ? {} : { cnf: { [kindOfKey === 'dpop' ? 'jkt' : 'x5t#S256']: thumbprint } }),
  };
}

export const introspect: Resource = (app, { services }) => {
  const { logins } = services;
  app.post('/v1/tokens/introspect', {
    config: { scope: 'read' },
    schema: {
      tags: ['tokens'],
      summary: 'What a token of the gateway is good for now (RFC 7662)',
      consumes: ['application/x-www-form-urlencoded', 'application/json'],
      body: IntrospectRequest,
      response: answers(IntrospectAnswer),
    },
    async handler(request, reply) {
      reply.header('cache-control', 'no-store');
      const { token } = request.body;
      // Tokens of others are not ours to judge, and one use of them might be all there is.
      if (!isGatewayToken(token)) return { active: false };
      const verified = await logins.access.verifyBearer(token, { connection: null, clientIp: request.ip });
      if (!verified.ok) return { active: false };
      const admitted = logins.access.admit(verified.value, null);
      return admitted.ok || BONDS.has(admitted.error.code) ? describe(verified.value) : { active: false };
    },
  });
};
