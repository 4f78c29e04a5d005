/**
 * Tokens that a client shows instead of proving them: those of outside issuers (JWT), which nobody can keep a verifier of. As a
 * password in the clear (PostgreSQL: 54.2.1), or by OAUTHBEARER (RFC 7628; PostgreSQL 18: "OAuth Authorization/Authentication").
 * The caller sees to it that nobody listens: TLS, or this machine. Who it is stands in the token; the user name says nothing.
 */
import type { Socket } from 'node:net';
import type { Access, AccessResult, LoginContext, TokenRecord } from '../../../access/access.ts';
import { FRONTEND } from '../wire/message-types.ts';
import type { MessageStream } from '../wire/message-stream.ts';
import { authentication } from '../wire/messages.ts';

export const OAUTHBEARER = 'OAUTHBEARER';
/** User name, or the end of it, of who shows a token as a password. */
const SHOWS_TOKEN = /(^|#)jwt$/;
const SEPARATOR = '\u0001';
/** b64token (RFC 6750, section 2.1). */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

export type Shown =
  | { readonly kind: 'checked'; readonly result: AccessResult<TokenRecord> }
  /** It has no token yet and asks who gives one; it comes again. */
  | { readonly kind: 'asked' }
  | { readonly kind: 'broken'; readonly detail: string };

export interface BearerDeps {
  readonly access: Pick<Access, 'verifyBearer'>;
  readonly stream: MessageStream;
  readonly socket: Socket;
  readonly login: LoginContext;
  /** Where clients get tokens; absent: they have to know. */
  readonly issuer: string | undefined;
}

export const showsToken = (user: string): boolean => SHOWS_TOKEN.test(user);

/** AuthenticationCleartextPassword; what comes is the token. */
export async function showInClear({ access, stream, socket, login }: BearerDeps): Promise<Shown> {
  socket.write(authentication(3));
  const answer = await stream.next();
  if ('ended' in answer) return { kind: 'broken', detail: answer.reason };
  const { type, body } = answer;
  if (type !== FRONTEND.password || body.indexOf(0) !== body.length - 1)
    return { kind: 'broken', detail: 'a password was expected' };
  const result = await access.verifyBearer(body.toString('utf8', 0, body.length - 1), login);
  return { kind: 'checked', result };
}

/**
 *   gs2 header, without channel binding and without another's name: "n,," or "y,,"
 *   ^A, then "key=value^A" for each, then ^A
 *
 * The value of `auth`; empty where the client has no token yet. Undefined where it is malformed.
 */
export function bearerOf(response: string): { readonly token: string } | undefined {
  const header = /^[ny],,/.exec(response)?.[0];
  if (header === undefined) return undefined;
  const rest = response.slice(header.length);
  if (!rest.startsWith(SEPARATOR) || !rest.endsWith(SEPARATOR + SEPARATOR)) return undefined;
  const pairs = rest.slice(1, -2).split(SEPARATOR);
  const values = pairs.map((pair) => /^([A-Za-z]+)=([\x20-\x7e\t\r\n]*)$/.exec(pair));
  if (values.includes(null)) return undefined;
  const auth = values.filter((value) => value![1] === 'auth').map((value) => value![2]!);
  if (auth.length !== 1) return undefined;
  if (auth[0] === '') return { token: '' };
  const token = BEARER.exec(auth[0]!)?.[1];
  return token === undefined ? undefined : { token };
}

/** The rest of the exchange, from the client's first message on. */
export async function oauthBearer(response: string, deps: BearerDeps): Promise<Shown> {
  const { access, stream, socket, login, issuer } = deps;
  const bearer = bearerOf(response);
  if (bearer === undefined) return { kind: 'broken', detail: 'a malformed OAUTHBEARER message' };
  const result = bearer.token === '' ? undefined : await access.verifyBearer(bearer.token, login);
  if (result?.ok === true) return { kind: 'checked', result };
  const told = {
    status: 'invalid_token',
    ...(issuer === undefined
      ? {}
      : {
          'openid-configuration': `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
          scope: 'openid',
        }),
  };
  socket.write(authentication(11, Buffer.from(JSON.stringify(told))));
  // RFC 7628, section 3.2.3: the client takes note with one ^A, then the exchange fails.
  const note = await stream.next();
  if ('ended' in note) return { kind: 'broken', detail: note.reason };
  if (note.type !== FRONTEND.password || note.body.toString('latin1') !== SEPARATOR)
    return { kind: 'broken', detail: 'OAUTHBEARER was not ended as it must be' };
  return result === undefined ? { kind: 'asked' } : { kind: 'checked', result };
}
