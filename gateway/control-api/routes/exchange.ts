/** POST /v1/tokens/exchange: whatever proves who somebody is, for a token of the gateway. The proof is in the call, so it needs no API token. */
import Type from 'typebox';
import {
  ExchangeAnswer,
  ExchangeRequest,
  LoginAnswer,
  RevokeRequest,
} from '../../../schemas/api/exchange.ts';
import { isCountersignError, type CountersignError } from '../../../platform/errors/errors.ts';
import type { ExchangeForm } from '../../access/exchange/token-exchange.ts';
import { userNameOf } from '../../access/token-store.ts';
import { controlApiError } from '../errors.ts';
import { proofsOf } from '../http/proofs.ts';
import { fromFastify, toProblem } from '../http/problems.ts';
import { createRateBound } from '../http/rate-bound.ts';
import type { FastifyRequest } from '../http/app.ts';
import { mutate, valueOf } from '../http/mutation.ts';
import { answers, type Resource } from './route.ts';

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token' as const;

/** RFC 6749, section 5.2. */
function oauthError({ status, code }: CountersignError): string {
  if (status >= 500) return 'server_error';
  if (code === 'CONTROL_API_INVALID') return 'invalid_request';
  if (code === 'ACCESS_PROOF_WRONG') return 'invalid_dpop_proof';
  return code === 'TOKEN_CONNECTION_DENIED' ? 'invalid_target' : 'invalid_grant';
}

function formOf(body: ExchangeRequest): ExchangeForm {
  const invalid = (problems: string): CountersignError =>
    controlApiError('CONTROL_API_INVALID', { part: 'form', problems });
  const byCertificate = body.grant_type === 'client_credentials';
  if (!byCertificate && body.subject_token === undefined) throw invalid('subject_token is missing');
  if (byCertificate && body.subject_token !== undefined)
    throw invalid('subject_token belongs to the grant type token-exchange');
  const { audience, expires_in: seconds } = body;
  return {
    subjectToken: body.subject_token ?? null,
    actorToken: body.actor_token ?? null,
    ...(audience === undefined ? {} : { connections: typeof audience === 'string' ? [audience] : audience }),
    ...(seconds === undefined ? {} : { ttlMs: Number(seconds) * 1000 }),
  };
}

export const exchange: Resource = (app, { services, config }) => {
  const { logins, clock, log } = services;
  const bound = createRateBound(clock, {
    perSecond: logins.exchangesPerMinuteMax / 60,
    burst: logins.exchangesPerMinuteMax,
  });
  const limit = (request: FastifyRequest, _reply: unknown, done: (error?: Error) => void): void =>
    done(
      bound.take(request.ip)
        ? undefined
        : controlApiError('CONTROL_API_TOO_MANY_CALLS', { reason: 'too many exchanges from this address' }),
    );
  const record = (subject: string, outcome: string, reason: string): Promise<void> | void =>
    services.recordControlAction({
      actor: subject,
      action: 'token.exchange',
      subject,
      outcome,
      reason,
      incidentId: null,
      idempotencyKey: null,
    });

  app.post('/v1/tokens/exchange', {
    schema: {
      tags: ['tokens'],
      summary: 'Exchange an outside credential for a token of the gateway (RFC 8693); needs no API token',
      consumes: ['application/x-www-form-urlencoded', 'application/json'],
      security: [],
      body: ExchangeRequest,
      response: answers(ExchangeAnswer),
    },
    onRequest: limit,
    // Clients of OAuth look for these names; ours for the problem.
    errorHandler(thrown, request, reply) {
      const error = isCountersignError(thrown) ? thrown : fromFastify(thrown, config.bodyBytesMax);
      if (error === undefined) throw thrown;
      // A flood must not fill the trail.
      if (error.status === 429) reply.header('retry-after', '1');
      else
        void Promise.resolve(record(`address:${request.ip}`, 'refused', error.code)).catch((cause: unknown) =>
          log.error({ cause }, 'a refused exchange could not be recorded'),
        );
      void reply
        .code(error.status)
        .header('cache-control', 'no-store')
        .type('application/json')
        .send({ error: oauthError(error), error_description: error.message, ...toProblem(error) } as never);
    },
    async handler(request, reply) {
      const form = formOf(request.body);
      const context = valueOf(await proofsOf(request, logins.dpop, null));
      const { token, stored } = valueOf(await logins.tokenExchange.exchange(form, context));
      logins.issued(stored, 'exchange');
      await record(
        stored.identityId,
        'recorded',
        `token ${stored.tokenId} for ${stored.credentialSource ?? 'itself'}`,
      );
      reply.header('cache-control', 'no-store');
      return {
        access_token: token,
        issued_token_type: ACCESS_TOKEN,
        token_type:
          stored.bindings?.key?.startsWith('dpop:') === true ? ('DPoP' as const) : ('Bearer' as const),
        expires_in: Math.max(0, Math.floor((stored.expiresAt - clock.now()) / 1000)),
        user_name: `${userNameOf(stored.identityId)}#${stored.tokenId}`,
        token_id: stored.tokenId,
        identity_id: stored.identityId,
        on_behalf_of: [...(stored.principals ?? [])],
        connections: [...stored.connections],
        expires_at: stored.expiresAt,
      };
    },
  });

  app.post('/v1/tokens/revoke', {
    schema: {
      tags: ['tokens'],
      summary: 'End a token of the gateway that one has (RFC 7009); needs no API token',
      consumes: ['application/x-www-form-urlencoded', 'application/json'],
      security: [],
      body: RevokeRequest,
      response: answers(Type.Object({})),
    },
    onRequest: limit,
    async handler(request) {
      const { token } = request.body;
      const verified = await logins.access.verifyBearer(token, { connection: null, clientIp: request.ip });
      // An unknown or ended token is no error: it does not work, which is what was wanted (section 2.2).
      if (!verified.ok) return {};
      const { tokenId, identity } = verified.value;
      // Whoever has it calls, and stands in the trail.
      request.principal = { subject: identity.id, scopes: [] };
      const mutation = {
        action: 'token.revoke',
        subject: `token:${tokenId}`,
        reason: 'its holder has ended it',
      };
      await mutate(services, request, mutation, async () => {
        const call = {
          by: identity.id,
          reason: mutation.reason,
          incidentId: null,
          idempotencyKey: null,
          automation: null,
        };
        const result = await services.control.revokeToken(tokenId, call);
        return { outcome: 'recorded', value: result === undefined ? undefined : valueOf(result) };
      });
      return {};
    },
  });

  app.get('/v1/login', {
    schema: {
      tags: ['tokens'],
      summary: 'How people log in; needs no API token',
      security: [],
      response: answers(LoginAnswer),
    },
    handler: () =>
      logins.login === undefined
        ? Promise.reject(
            controlApiError('CONTROL_API_NOT_FOUND', { what: 'login for people (access.login)' }),
          )
        : Promise.resolve(logins.login),
  });
};
