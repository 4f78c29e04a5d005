/** Whether the target is who it must be: a pinned key, or a host certificate of a trusted authority. Nothing is accepted blindly. */
import { CERT_SUFFIX, faultOf, readCertificate, type Certificate } from '../keys/certificate.ts';
import { fingerprintOf } from '../keys/public-key.ts';
import type { ResolvedOptions } from '../options.ts';

/** Types of host certificates that can be offered to the target. */
export const HOST_CERTIFICATE_TYPES = [
  `ssh-ed25519${CERT_SUFFIX}`,
  `ecdsa-sha2-nistp256${CERT_SUFFIX}`,
  `ecdsa-sha2-nistp384${CERT_SUFFIX}`,
];

export type HostCheck =
  | { readonly ok: true; readonly certificate?: Certificate }
  | { readonly ok: false; readonly reason: string; readonly fingerprint: string };

export function checkHost(
  shown: Buffer,
  options: Pick<ResolvedOptions, 'hostKeys' | 'hostAuthorities' | 'hostPrincipals'>,
  nowMs: number,
): HostCheck {
  const certificate = readCertificate(shown);
  if (certificate === undefined) {
    if (options.hostKeys.some((pin) => pin.equals(shown))) return { ok: true };
    return { ok: false, reason: 'it is none of the configured keys', fingerprint: fingerprintOf(shown) };
  }
  const fault = faultOf(certificate, {
    kind: 'host',
    authorities: options.hostAuthorities,
    nowSeconds: BigInt(Math.floor(nowMs / 1000)),
    principals: options.hostPrincipals,
    criticalOptions: [],
  });
  if (fault === undefined) return { ok: true, certificate };
  return {
    ok: false,
    reason: `its certificate does not count: ${fault}`,
    fingerprint: fingerprintOf(certificate.keyBlob),
  };
}
