/** What a call proves besides its token: a key by DPoP (RFC 9449), or a client certificate (RFC 8705). */
import type { TLSSocket, DetailedPeerCertificate } from 'node:tls';
import { normalAddress } from '../../../platform/network/address.ts';
import type { AccessResult } from '../../access/access.ts';
import { accessError } from '../../access/errors.ts';
import type { ExchangeContext } from '../../access/exchange/token-exchange.ts';
import { thumbprintOf, type PeerCertificate } from '../../access/proof/certificates.ts';
import type { DpopProofs } from '../../access/proof/dpop.ts';
import type { FastifyRequest } from './app.ts';

const CHAIN_MAX = 10;

/** The client's certificate with those above it, where TLS asked for one. */
export function certificateOf(request: FastifyRequest): PeerCertificate | undefined {
  const socket = request.socket as Partial<TLSSocket>;
  if (typeof socket.getPeerCertificate !== 'function') return undefined;
  const chain: Buffer[] = [];
  let at: Partial<DetailedPeerCertificate> | undefined = socket.getPeerCertificate(true);
  while (at?.raw !== undefined && chain.length < CHAIN_MAX) {
    const { raw } = at;
    if (chain.some((known) => known.equals(raw))) break;
    chain.push(raw);
    at = at.issuerCertificate;
  }
  return chain.length === 0 ? undefined : { chain, trusted: socket.authorized === true };
}

/** `token`: what is shown in the header Authorization. */
export async function proofsOf(
  request: FastifyRequest,
  dpop: DpopProofs,
  token: string | null,
): Promise<AccessResult<ExchangeContext>> {
  const clientIp = normalAddress(request.ip);
  const certificate = certificateOf(request);
  const context: ExchangeContext = {
    clientIp,
    ...(certificate === undefined
      ? {}
      : { certificate, proofOfKey: { kind: 'mtls', thumbprint: thumbprintOf(certificate.chain[0]!) } }),
  };
  const { dpop: proof, host } = request.headers;
  if (proof === undefined) return { ok: true, value: context };
  if (typeof proof !== 'string')
    return { ok: false, error: accessError('ACCESS_PROOF_WRONG', { reason: 'there are several' }) };
  const url = `${request.protocol}://${host ?? ''}${request.url.split('?')[0]!}`;
  const verified = await dpop.verify(proof, { method: request.method, url, token });
  if (!verified.ok) return verified;
  return { ok: true, value: { ...context, proofOfKey: { kind: 'dpop', ...verified.value } } };
}
