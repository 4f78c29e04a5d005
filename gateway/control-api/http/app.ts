/** fastify as the routes see it: types, validation and defaults all come from the TypeBox schemas. */
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  FastifyTypeProvider,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import Value from 'typebox/value';
import type { Scope } from '../../../schemas/api/common.ts';
import { reasonsOf, type Found } from '../../../platform/config/checked-yaml.ts';
import type { Principal } from './api-tokens.ts';

export interface TypeBoxProvider extends FastifyTypeProvider {
  readonly validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown;
  readonly serializer: this['schema'] extends TSchema ? Static<this['schema']> : unknown;
}

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxProvider
>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Scope that a caller needs; any: a token that works is enough; absent: anybody may call. */
    scope?: Scope | 'any';
  }
  interface FastifyRequest {
    principal: Principal | null;
  }
}

export type { FastifyReply, FastifyRequest };

const PROBLEMS_MAX = 5;

/** For fastify: fills in defaults, turns the strings of paths and queries into what the schema says, and checks. */
export function compileValidator({ schema, httpPart }: { schema: unknown; httpPart?: string }) {
  const typed = schema as TSchema;
  const check = Compile(typed);
  return (data: unknown): { value: unknown } | { error: Error } => {
    const converted = httpPart === 'body' ? data : Value.Convert(typed, data);
    const value: unknown = Value.Default(typed, converted ?? {});
    if (check.Check(value)) return { value };
    const reasons = [...reasonsOf(check.Errors(value) as Found[])]
      .slice(0, PROBLEMS_MAX)
      .map(([pointer, reason]) => `${pointer === '' ? 'the whole' : pointer.slice(1)} ${reason}`);
    return { error: new Error(reasons.join('; ') || 'does not fit') };
  };
}
