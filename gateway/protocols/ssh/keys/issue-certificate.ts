/** Makes the certificate that a person logs in with: for minutes, for what a token opens. */
import type { CountersignError } from '../../../../platform/errors/errors.ts';
import type { Clock, Random } from '../../../../platform/clock/clock.ts';
import type { TokenStore } from '../../../access/token-store.ts';
import { accessError } from '../../../access/errors.ts';
import { compileNetworks } from '../../../policy/networks.ts';
import type { ProtocolDeps } from '../../protocol.ts';
import { sshError } from '../errors.ts';
import { makeCertificate } from './certificate.ts';
import { loadAuthority } from './own-keys.ts';
import { blobOfLine, readPublicKey } from './public-key.ts';

export interface CertificateWish {
  readonly tokenId: string;
  readonly publicKey: string;
  readonly ttlMs: number;
  readonly sourceAddress?: string;
  readonly forceCommand?: string;
}

export type Issued =
  | { readonly ok: true; readonly value: { readonly certificate: string; readonly expiresAt: number } }
  | { readonly ok: false; readonly error: CountersignError };

/** A clock of another gateway may be behind by this, seconds. */
const SKEW_S = 60;
const EXTENSIONS = [
  'permit-X11-forwarding',
  'permit-agent-forwarding',
  'permit-port-forwarding',
  'permit-pty',
  'permit-user-rc',
];

export async function issueCertificate(
  deps: Pick<ProtocolDeps, 'kept'> & {
    readonly tokens: Pick<TokenStore, 'get'>;
    readonly clock: Clock;
    readonly random: Random;
  },
  wish: CertificateWish,
): Promise<Issued> {
  const refused = (reason: string): Issued => ({
    ok: false,
    error: sshError('SSH_CERTIFICATE_WISH', { reason }),
  });
  const keyBlob = blobOfLine(wish.publicKey);
  if (keyBlob === undefined || readPublicKey(keyBlob) === undefined)
    return refused('the public key is none that is supported (Ed25519, ECDSA, RSA from 2048 bits)');
  const networks = wish.sourceAddress?.split(',').map((entry) => entry.trim());
  if (networks !== undefined && typeof compileNetworks(networks) !== 'function')
    return refused('sourceAddress holds what is no network');
  const token = await deps.tokens.get(wish.tokenId);
  const nowMs = deps.clock.now();
  if (token === undefined || token.revokedAt !== null || token.expiresAt <= nowMs)
    return { ok: false, error: accessError('TOKEN_EXPIRED') };
  const expiresAt = Math.floor(Math.min(nowMs + wish.ttlMs, token.expiresAt) / 1000);
  const slash = token.identityId.indexOf('/');
  const blob = makeCertificate(
    {
      kind: 'user',
      keyBlob,
      keyId: token.tokenId,
      principals: [token.identityId.slice(slash + 1)],
      validAfter: Math.floor(nowMs / 1000) - SKEW_S,
      validBefore: expiresAt,
      serial: deps.random.bytes(8).readBigUInt64BE(0),
      nonce: deps.random.bytes(32),
      criticalOptions: {
        ...(wish.sourceAddress === undefined ? {} : { 'source-address': wish.sourceAddress }),
        ...(wish.forceCommand === undefined ? {} : { 'force-command': wish.forceCommand }),
      },
      extensions: EXTENSIONS,
    },
    await loadAuthority(deps, 'user'),
  );
  const type = blob.toString('latin1', 4, 4 + blob.readUInt32BE(0));
  return {
    ok: true,
    value: { certificate: `${type} ${blob.toString('base64')}`, expiresAt: expiresAt * 1000 },
  };
}
