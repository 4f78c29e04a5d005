/** SCIM 2.0 (RFC 7643, RFC 7644): an identity provider pushes people and groups. A token of its own with the scope `scim`. */
import Type from 'typebox';
import type { JsonObject } from '../../../platform/control-store/control-store.ts';
import { isCountersignError } from '../../../platform/errors/errors.ts';
import type { AccessResult } from '../../access/access.ts';
import { GROUP_SCHEMA, USER_SCHEMA, type ScimKind } from '../../access/scim/resources.ts';
import type { ScimDirectory } from '../../access/scim/directory.ts';
import { controlApiError } from '../errors.ts';
import type { FastifyReply, FastifyRequest } from '../http/app.ts';
import { mutate, valueOf } from '../http/mutation.ts';
import { fromFastify } from '../http/problems.ts';
import type { Resource } from './route.ts';

const MESSAGES = 'urn:ietf:params:scim:api:messages:2.0';
const MEDIA_TYPE = 'application/scim+json';
const COUNT_MAX = 1000;
const SCIM_TYPES: Readonly<Record<string, string>> = {
  SCIM_TAKEN: 'uniqueness',
  SCIM_FILTER: 'invalidFilter',
  SCIM_INVALID: 'invalidValue',
  CONTROL_API_INVALID: 'invalidSyntax',
};
const Body = Type.Record(Type.String({ maxLength: 300 }), Type.Unknown(), { maxProperties: 200 });
const Patch = Type.Object({
  schemas: Type.Optional(Type.Array(Type.String(), { maxItems: 10 })),
  Operations: Type.Array(
    Type.Object({
      op: Type.String({ pattern: '^([Aa]dd|[Rr]eplace|[Rr]emove)$' }),
      path: Type.Optional(Type.String({ maxLength: 1200 })),
      value: Type.Optional(Type.Unknown()),
    }),
    { minItems: 1, maxItems: 1000 },
  ),
});
const Query = Type.Object({
  filter: Type.Optional(Type.String({ maxLength: 2048 })),
  startIndex: Type.Integer({ default: 1 }),
  count: Type.Integer({ default: 100 }),
  attributes: Type.Optional(Type.String({ maxLength: 2000 })),
  excludedAttributes: Type.Optional(Type.String({ maxLength: 2000 })),
});
const Params = Type.Object({ id: Type.String({ minLength: 1, maxLength: 200 }) });

const supported = (isSupported: boolean) => ({ supported: isSupported });
const PROVIDER_CONFIG = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
  patch: supported(true),
  bulk: { ...supported(false), maxOperations: 0, maxPayloadSize: 0 },
  filter: { ...supported(true), maxResults: COUNT_MAX },
  changePassword: supported(false),
  sort: supported(false),
  etag: supported(false),
  authenticationSchemes: [
    {
      type: 'oauthbearertoken',
      name: 'Bearer token',
      description: 'A token of controlApi.tokens with the scope scim.',
    },
  ],
};
const RESOURCE_TYPES = (['User', 'Group'] as const).map((name) => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
  id: name,
  name,
  endpoint: `/${name}s`,
  schema: name === 'User' ? USER_SCHEMA : GROUP_SCHEMA,
}));
const listOf = (resources: readonly object[], totalResults = resources.length, startIndex = 1): object => ({
  schemas: [`${MESSAGES}:ListResponse`],
  totalResults,
  startIndex,
  itemsPerPage: resources.length,
  Resources: resources,
});

export const scim: Resource = (app, { services, config }) => {
  const { logins } = services;
  const directory = (): ScimDirectory => {
    if (logins.scim === undefined)
      throw controlApiError('CONTROL_API_NOT_FOUND', { what: 'SCIM here (access.scim)' });
    return logins.scim;
  };
  app.addContentTypeParser(MEDIA_TYPE, { parseAs: 'string' }, (_request, body, done) => {
    try {
      const value: unknown = JSON.parse(String(body), (name, inner: unknown) =>
        name === '__proto__' ? undefined : inner,
      );
      done(null, value);
    } catch {
      done(controlApiError('CONTROL_API_INVALID', { part: 'body', problems: 'is no JSON' }));
    }
  });
  const common = {
    config: { scope: 'scim' as const },
    errorHandler(thrown: Error, _request: FastifyRequest, reply: FastifyReply): void {
      const error = isCountersignError(thrown) ? thrown : fromFastify(thrown as never, config.bodyBytesMax);
      if (error === undefined) throw thrown;
      const { status, code, message, hint } = error;
      const scimType = SCIM_TYPES[code];
      if (status === 429) reply.header('retry-after', '1');
      void reply
        .code(status)
        .type(MEDIA_TYPE)
        .send({
          schemas: [`${MESSAGES}:Error`],
          status: String(status),
          ...(scimType === undefined ? {} : { scimType }),
          detail: `${message} ${hint} (${code})`,
        });
    },
  };
  const answer = (reply: FastifyReply, status: number, body: object): FastifyReply =>
    reply.code(status).type(MEDIA_TYPE).send(body);
  const change = (
    request: FastifyRequest,
    action: string,
    subject: string,
    work: () => Promise<AccessResult<JsonObject | null>>,
  ): Promise<JsonObject | null> =>
    mutate(services, request, { action: `scim.${action}`, subject, reason: 'pushed' }, async () => ({
      outcome: 'recorded',
      value: valueOf(await work()),
    }));
  const describe = (summary: string) => ({ tags: ['scim'], summary });

  app.get('/scim/v2/ServiceProviderConfig', {
    ...common,
    schema: describe('What of SCIM is there'),
    handler: (_request, reply) => answer(reply, 200, PROVIDER_CONFIG),
  });
  app.get('/scim/v2/ResourceTypes', {
    ...common,
    schema: describe('Kinds of resources'),
    handler: (_request, reply) => answer(reply, 200, listOf(RESOURCE_TYPES)),
  });
  app.get('/scim/v2/Schemas', {
    ...common,
    schema: describe('Schemas of the resources, by name'),
    handler: (_request, reply) =>
      answer(
        reply,
        200,
        listOf([USER_SCHEMA, GROUP_SCHEMA].map((id) => ({ id, name: id.split(':').at(-1) }))),
      ),
  });
  for (const kind of ['User', 'Group'] as const satisfies readonly ScimKind[]) {
    const path = `/scim/v2/${kind}s`;
    const one = `${path}/:id`;
    const name = kind.toLowerCase();
    app.get(path, {
      ...common,
      schema: { ...describe(`${kind}s, by filter and page`), querystring: Query },
      async handler(request, reply) {
        const { filter, startIndex, count } = request.query;
        const from = Math.max(1, startIndex);
        const found = valueOf(
          await directory().list(kind, {
            ...(filter === undefined ? {} : { filter }),
            startIndex: from,
            count: Math.min(COUNT_MAX, Math.max(0, count)),
          }),
        );
        return answer(reply, 200, listOf(found.resources, found.totalResults, from));
      },
    });
    app.post(path, {
      ...common,
      schema: { ...describe(`Make a ${name}`), body: Body },
      async handler(request, reply) {
        const made = await change(request, `${name}.create`, name, () =>
          directory().create(kind, request.body),
        );
        return answer(reply, 201, made!);
      },
    });
    app.get(one, {
      ...common,
      schema: { ...describe(`A ${name}`), params: Params },
      handler: async (request, reply) =>
        answer(reply, 200, valueOf(await directory().get(kind, request.params.id))),
    });
    app.put(one, {
      ...common,
      schema: { ...describe(`Put a ${name} in place of what is there`), params: Params, body: Body },
      async handler(request, reply) {
        const { id } = request.params;
        const made = await change(request, `${name}.replace`, `${name}:${id}`, () =>
          directory().replace(kind, id, request.body),
        );
        return answer(reply, 200, made!);
      },
    });
    app.patch(one, {
      ...common,
      schema: { ...describe(`Change a ${name}`), params: Params, body: Patch },
      async handler(request, reply) {
        const { id } = request.params;
        const made = await change(request, `${name}.patch`, `${name}:${id}`, () =>
          directory().patch(kind, id, request.body.Operations),
        );
        return answer(reply, 200, made!);
      },
    });
    app.delete(one, {
      ...common,
      schema: { ...describe(`Remove a ${name}; a user is locked out for good`), params: Params },
      async handler(request, reply) {
        const { id } = request.params;
        await change(request, `${name}.remove`, `${name}:${id}`, () => directory().remove(kind, id));
        return reply.code(204).send();
      },
    });
  }
};
