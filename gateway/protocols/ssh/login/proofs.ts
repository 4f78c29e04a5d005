/** How a client proves who it is: a token, a public key that a token is bound to, a certificate of this gateway. */
import type { Access, LoginContext, TokenRecord } from '../../../access/access.ts';
import { compileNetworks } from '../../../policy/networks.ts';
import type { Permits } from '../channels/context.ts';
import { sshError } from '../errors.ts';
import { faultOf, readCertificate, type Certificate } from '../keys/certificate.ts';
import { fingerprintOf, readPublicKey, verifySignature, verifySignatureBlob } from '../keys/public-key.ts';
import type { CountersignError } from '../../../../platform/errors/errors.ts';

export type Proof =
  | {
      readonly ok: true;
      readonly token: TokenRecord;
      readonly mechanism: string;
      readonly permits: Permits;
      /** When the proof itself ends, milliseconds since the epoch. */
      readonly expiresAt: number | null;
    }
  /** `guess`: counts as a guess; else the holder proved it and hears why it does not count. */
  | { readonly ok: false; readonly guess: true }
  | { readonly ok: false; readonly guess: false; readonly error: CountersignError };

export const ALL_PERMITS: Permits = {
  pty: true,
  forwarding: true,
  agentForwarding: true,
  x11Forwarding: true,
  forceCommand: null,
};
const WRONG: Proof = { ok: false, guess: true };
const refuse = (error: CountersignError): Proof => ({ ok: false, guess: false, error });

export async function proveToken(
  access: Access,
  secret: string,
  mechanism: string,
  context: LoginContext,
): Promise<Proof> {
  const checked = await access.verifyBearer(secret, context);
  if (checked.ok) return { ok: true, token: checked.value, mechanism, permits: ALL_PERMITS, expiresAt: null };
  return checked.error.code === 'TOKEN_INVALID' ? WRONG : refuse(checked.error);
}

/** What the client offers, with or without a signature over `data`. */
export interface OfferedKey {
  readonly blob: Buffer;
  readonly signature:
    | { readonly data: Buffer; readonly value: Buffer; readonly rsaHash: 'sha256' | 'sha512' | undefined }
    | undefined;
}

export interface KeyContext {
  readonly access: Access;
  /** Authorities of users. */
  readonly authorities: readonly Buffer[];
  readonly nowMs: number;
  readonly ip: string;
}

/** Without a signature: whether it is worth to sign. */
export async function proveKey(context: KeyContext, offered: OfferedKey): Promise<Proof> {
  const certificate = readCertificate(offered.blob);
  if (certificate !== undefined) return proveCertificate(context, offered, certificate);
  const key = readPublicKey(offered.blob);
  if (key === undefined) return WRONG;
  const token = await context.access.tokenByKey(fingerprintOf(offered.blob));
  if (token === undefined) return WRONG;
  const { signature } = offered;
  if (signature !== undefined && !verifySignature(key, signature.data, signature.value, signature.rsaHash))
    return WRONG;
  return { ok: true, token, mechanism: 'publickey', permits: ALL_PERMITS, expiresAt: null };
}

async function proveCertificate(
  context: KeyContext,
  offered: OfferedKey,
  certificate: Certificate,
): Promise<Proof> {
  const key = readPublicKey(certificate.keyBlob);
  // An authority that is not ours may have signed anything: nothing of it is believed, or told.
  if (key === undefined || !context.authorities.some((one) => one.equals(certificate.signerBlob)))
    return WRONG;
  const token = await context.access.tokenById(certificate.keyId);
  if (token === undefined) return WRONG;
  const fault =
    faultOf(certificate, {
      kind: 'user',
      authorities: context.authorities,
      nowSeconds: BigInt(Math.floor(context.nowMs / 1000)),
      principals: [token.identity.subject],
      criticalOptions: ['force-command', 'source-address'],
    }) ?? sourceFault(certificate.criticalOptions.get('source-address'), context.ip);
  const { signature } = offered;
  if (signature !== undefined) {
    // For a certificate the library leaves the signature as it came: algorithm and value.
    if (!verifySignatureBlob(key, signature.data, signature.value)) return WRONG;
    if (fault !== undefined) return refuse(sshError('SSH_CERTIFICATE_REFUSED', { reason: fault }));
  }
  const { extensions } = certificate;
  return {
    ok: true,
    token,
    mechanism: 'certificate',
    permits: {
      pty: extensions.has('permit-pty'),
      forwarding: extensions.has('permit-port-forwarding'),
      agentForwarding: extensions.has('permit-agent-forwarding'),
      x11Forwarding: extensions.has('permit-X11-forwarding'),
      forceCommand: certificate.criticalOptions.get('force-command') ?? null,
    },
    expiresAt: Number(certificate.validBefore) * 1000,
  };
}

/** `source-address`: addresses and networks, separated by commas (OpenSSH: PROTOCOL.certkeys). */
function sourceFault(list: string | undefined, ip: string): string | undefined {
  if (list === undefined) return undefined;
  const matches = compileNetworks(list.split(',').map((entry) => entry.trim()));
  if (typeof matches !== 'function') return 'its source-address cannot be read';
  return matches(ip) ? undefined : `it is not for use from ${ip}`;
}
