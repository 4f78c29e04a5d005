/**
 * The client proves a token by SCRAM, and the gateway never sees it (PostgreSQL: 54.3.1 "SCRAM-SHA-256 Authentication"); or shows
 * one of an outside issuer (bearer.ts).
 */
import type { Socket } from 'node:net';
import type { Random } from '../../../../platform/clock/clock.ts';
import type { CountersignError } from '../../../../platform/errors/errors.ts';
import type { Access, LoginContext, TokenRecord } from '../../../access/access.ts';
import { FRONTEND } from '../wire/message-types.ts';
import type { MessageStream } from '../wire/message-stream.ts';
import { authentication, saslMechanisms } from '../wire/messages.ts';
import { OAUTHBEARER, oauthBearer, showInClear, showsToken, type BearerDeps, type Shown } from './bearer.ts';
import { SCRAM, SCRAM_PLUS, scramFirst } from './scram-server.ts';

export type Authentication =
  | {
      readonly ok: true;
      readonly token: TokenRecord;
      readonly mechanism: string;
      /** SASLFinal, to be sent with AuthenticationOk; empty where there is none. */
      readonly final: Buffer;
    }
  | { readonly ok: false; readonly reason: 'wrong' }
  /** A token was shown, and is not taken. */
  | { readonly ok: false; readonly reason: 'refused'; readonly error: CountersignError }
  /** The client asked who gives tokens, and comes again. */
  | { readonly ok: false; readonly reason: 'asked' }
  | { readonly ok: false; readonly reason: 'protocol'; readonly detail: string };

const protocol = (detail: string): Authentication => ({ ok: false, reason: 'protocol', detail });

function asShown(shown: Shown, mechanism: string): Authentication {
  if (shown.kind === 'asked') return { ok: false, reason: 'asked' };
  if (shown.kind === 'broken') return protocol(shown.detail);
  const { result } = shown;
  return result.ok
    ? { ok: true, token: result.value, mechanism, final: Buffer.alloc(0) }
    : { ok: false, reason: 'refused', error: result.error };
}

export interface Login {
  readonly user: string;
  /** tls-server-end-point of our certificate; null without TLS. */
  readonly channelBinding: Buffer | null;
  readonly context: LoginContext;
  /** Named to clients that have no token yet. */
  readonly issuer: string | undefined;
}

export async function authenticate(
  deps: { readonly access: Access; readonly random: Random },
  stream: MessageStream,
  socket: Socket,
  { user, channelBinding, context, issuer }: Login,
): Promise<Authentication> {
  const bearer: BearerDeps = { access: deps.access, stream, socket, login: context, issuer };
  if (showsToken(user)) return asShown(await showInClear(bearer), 'bearer');
  const candidate = await deps.access.scramCandidate(user);
  // Clients take the first that they know: a password by SCRAM, unless they were told to use OAuth only.
  const scram = channelBinding === null ? [SCRAM] : [SCRAM_PLUS, SCRAM];
  socket.write(saslMechanisms([...scram, OAUTHBEARER]));
  const initial = await stream.next();
  if ('ended' in initial) return protocol(initial.reason);
  const chosen = initial.type === FRONTEND.password ? decodeInitialResponse(initial.body) : undefined;
  if (chosen === undefined) return protocol('a SASL response was expected');
  if (chosen.mechanism === OAUTHBEARER)
    return asShown(await oauthBearer(chosen.response, bearer), OAUTHBEARER);
  if (chosen.mechanism !== SCRAM && !(chosen.mechanism === SCRAM_PLUS && channelBinding !== null))
    return protocol('a SASL mechanism that was not offered');
  const first = scramFirst({
    mechanism: chosen.mechanism,
    clientFirst: chosen.response,
    verifier: candidate.verifier,
    serverNonce: deps.random.bytes(18).toString('base64'),
    channelBinding,
  });
  if (first === undefined) return protocol('a malformed SCRAM message');
  socket.write(authentication(11, Buffer.from(first.challenge)));
  const final = await stream.next();
  if ('ended' in final) return protocol(final.reason);
  if (final.type !== FRONTEND.password) return protocol('a SASL response was expected');
  const signature = first.finish(final.body.toString('latin1'));
  // A made-up verifier cannot match, but the token decides in any case.
  if (signature === undefined || candidate.token === undefined) return { ok: false, reason: 'wrong' };
  return {
    ok: true,
    token: candidate.token,
    mechanism: chosen.mechanism,
    final: authentication(12, Buffer.from(signature)),
  };
}

/** SASLInitialResponse: mechanism, length (int32, -1: none), response. */
function decodeInitialResponse(body: Buffer): { mechanism: string; response: string } | undefined {
  const zero = body.indexOf(0);
  if (zero === -1 || zero + 5 > body.length) return undefined;
  const length = body.readInt32BE(zero + 1);
  if (length < 0 || zero + 5 + length !== body.length) return undefined;
  return {
    mechanism: body.toString('latin1', 0, zero),
    response: body.toString('latin1', zero + 5),
  };
}
