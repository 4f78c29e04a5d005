/** What all resources of the control API share. Times are milliseconds since the epoch; lists come in pages. */
import Type, { type TSchema } from 'typebox';

export const Id = Type.String({ minLength: 1, maxLength: 512, description: 'Id.' });
export const Time = Type.Number({ description: 'Milliseconds since the epoch.' });
export const nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);

/** RFC 9457, with the catalogue's code and what to do. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: 'Always about:blank; the code says which problem it is.' }),
    title: Type.String({ description: 'Text of the HTTP status.' }),
    status: Type.Integer(),
    code: Type.String({ description: 'Code of the error catalogue (docs/errors.md).' }),
    detail: Type.String({ description: 'What happened.' }),
    hint: Type.String({ description: 'What to do about it.' }),
  },
  { description: 'An error as problem+json.' },
);
export type Problem = Type.Static<typeof Problem>;

export const PageQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'At most so many.' }),
  after: Type.Optional(
    Type.String({ maxLength: 1024, description: '`next` of the page before; absent for the first.' }),
  ),
};
export const pageOf = <S extends TSchema>(item: S) =>
  Type.Object({
    items: Type.Array(item),
    next: Type.Optional(
      Type.String({ description: 'Pass as `after` for the next page; absent on the last.' }),
    ),
  });
export interface Page<T> {
  items: T[];
  next?: string;
}

export const IdParams = Type.Object({ id: Id });
export const NameParams = Type.Object({
  name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,62}$', description: 'Name of the connection.' }),
});

export const Scope = Type.Union(
  [
    Type.Literal('read'),
    Type.Literal('contain'),
    Type.Literal('release'),
    Type.Literal('issue'),
    Type.Literal('approve'),
    Type.Literal('scim'),
    Type.Literal('admin'),
  ],
  {
    description:
      'read: look; contain: lock out, end, revoke; release: release lockouts, close incidents, confirm responses; issue: issue tokens; approve: decide approvals; scim: push people and groups; admin: identities and connections, and all of the others.',
  },
);
export type Scope = Type.Static<typeof Scope>;

export const Reason = Type.String({ minLength: 1, maxLength: 2000, description: 'Why, in plain words.' });
