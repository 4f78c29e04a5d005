/** The client proves a token by SCRAM; the gateway never sees it (PostgreSQL: 54.3.1 "SCRAM-SHA-256 Authentication"). */
import type { Socket } from 'node:net';
import type { Random } from '../../../../platform/clock/clock.ts';
import type { Access, TokenRecord } from '../../../access/access.ts';
import { FRONTEND } from '../wire/message-types.ts';
import type { MessageStream } from '../wire/message-stream.ts';
import { authentication, saslMechanisms } from '../wire/messages.ts';
import { SCRAM, SCRAM_PLUS, scramFirst } from './scram-server.ts';

export type Authentication =
  | {
      readonly ok: true;
      readonly token: TokenRecord;
      readonly mechanism: string;
      /** SASLFinal, to be sent with AuthenticationOk. */
      readonly final: Buffer;
    }
  | { readonly ok: false; readonly reason: 'wrong' }
  | { readonly ok: false; readonly reason: 'protocol'; readonly detail: string };

const protocol = (detail: string): Authentication => ({ ok: false, reason: 'protocol', detail });

export async function authenticate(
  deps: { readonly access: Access; readonly random: Random },
  stream: MessageStream,
  socket: Socket,
  user: string,
  /** tls-server-end-point of our certificate; null without TLS. */
  channelBinding: Buffer | null,
): Promise<Authentication> {
  const candidate = await deps.access.scramCandidate(user);
  socket.write(saslMechanisms(channelBinding === null ? [SCRAM] : [SCRAM_PLUS, SCRAM]));
  const initial = await stream.next();
  if ('ended' in initial) return protocol(initial.reason);
  const chosen = initial.type === FRONTEND.password ? decodeInitialResponse(initial.body) : undefined;
  if (chosen === undefined) return protocol('a SASL response was expected');
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
