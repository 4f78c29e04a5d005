/**
 * Server side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677; channel binding tls-server-end-point, RFC 5929)
 * against a verifier. Pure: no socket, no clock.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { ScramVerifier } from '../../../access/access.ts';

export const SCRAM = 'SCRAM-SHA-256';
export const SCRAM_PLUS = 'SCRAM-SHA-256-PLUS';

export interface ScramFirst {
  readonly challenge: string;
  /** Checks the client's proof; the server's signature, or undefined where the proof is wrong or malformed. */
  finish(clientFinal: string): string | undefined;
}

/**
 * Answers the client's first message. `undefined` where it is malformed, or where a client that could bind to the channel
 * was told by somebody in the middle that we could not (flag `y` though -PLUS was offered).
 */
export function scramFirst(input: {
  readonly mechanism: string;
  readonly clientFirst: string;
  readonly verifier: ScramVerifier;
  readonly serverNonce: string;
  /** Data of tls-server-end-point where -PLUS was offered. */
  readonly channelBinding: Buffer | null;
}): ScramFirst | undefined {
  const { mechanism, clientFirst, verifier, channelBinding } = input;
  const parts = /^(n|y|p=([a-zA-Z0-9.-]+)),(a=[^,]*)?,(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/s.exec(
    clientFirst,
  );
  if (parts === null) return undefined;
  const [, flag, bindingName, authorization = '', bare, clientNonce] = parts;
  if (authorization !== '') return undefined;
  const plus = mechanism === SCRAM_PLUS;
  if (plus !== (bindingName !== undefined)) return undefined;
  if (plus && (bindingName !== 'tls-server-end-point' || channelBinding === null)) return undefined;
  if (flag === 'y' && channelBinding !== null) return undefined;

  const nonce = `${clientNonce}${input.serverNonce}`;
  const challenge = `r=${nonce},s=${verifier.salt.toString('base64')},i=${verifier.iterations}`;
  const header = Buffer.from(`${flag},,`);
  const expectedBinding = (plus ? Buffer.concat([header, channelBinding!]) : header).toString('base64');
  return {
    challenge,
    finish(clientFinal) {
      const final = /^(c=([^,]+),r=([^,]+)(?:,[^p][^,]*)*),p=([A-Za-z0-9+/=]+)$/.exec(clientFinal);
      if (final === null) return undefined;
      const [, withoutProof, binding, finalNonce, proofText] = final;
      if (binding !== expectedBinding || finalNonce !== nonce) return undefined;
      const proof = Buffer.from(proofText!, 'base64');
      const authMessage = `${bare},${challenge},${withoutProof}`;
      const signature = createHmac('sha256', verifier.storedKey).update(authMessage).digest();
      if (proof.length !== signature.length) return undefined;
      const clientKey = Buffer.alloc(signature.length);
      for (let at = 0; at < signature.length; at += 1) clientKey[at] = proof[at]! ^ signature[at]!;
      const storedKey = createHash('sha256').update(clientKey).digest();
      if (!timingSafeEqual(storedKey, verifier.storedKey)) return undefined;
      const serverSignature = createHmac('sha256', verifier.serverKey).update(authMessage).digest('base64');
      return `v=${serverSignature}`;
    },
  };
}
