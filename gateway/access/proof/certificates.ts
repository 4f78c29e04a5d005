/** Client certificates that TLS has verified: which authority they come from, and whom they stand for (RFC 5280, SPIFFE X.509-SVID). */
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Clock } from '../../../platform/clock/clock.ts';
import type { AccessConfig, CertificateSourceConfig } from '../../../schemas/config/access.ts';
import type { AccessResult } from '../access.ts';
import { accessError } from '../errors.ts';
import type { Claims } from '../issuers/claims.ts';
import type { Outside } from '../issuers/outside.ts';
import { takeClaims } from '../issuers/take.ts';

/** What the TLS layer says of a client. */
export interface PeerCertificate {
  /** The client's own first, DER. */
  readonly chain: readonly Buffer[];
  /** Verified by TLS against all authorities of `authorities()`: path, dates, purpose. */
  readonly trusted: boolean;
}

export interface CertificateSources {
  /** All authorities, PEM; read again where a file has changed. Empty: none are configured. */
  authorities(): readonly string[];
  verify(peer: PeerCertificate): AccessResult<Outside>;
}

interface Bundle {
  readonly time: number;
  readonly pem: readonly string[];
  readonly fingerprints: ReadonlySet<string>;
}

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** SHA-256 of a certificate, as RFC 8705 has it in `x5t#S256`. */
export const thumbprintOf = (der: Buffer): string => createHash('sha256').update(der).digest('base64url');

/** `URI:spiffe://a, DNS:"b, c"` as names by type; quoted parts are JSON texts (Node: X509Certificate.subjectAltName). */
function alternativeNames(text: string | undefined): Record<string, string[]> {
  const names: Record<string, string[]> = {};
  for (const [, type, quoted, plain] of (text ?? '').matchAll(
    /(?:^|, )([A-Za-z ]+):(?:"((?:[^"\\]|\\.)*)"|([^,]*))/g,
  )) {
    const name = quoted === undefined ? plain! : (JSON.parse(`"${quoted}"`) as string);
    (names[type!] ??= []).push(name);
  }
  return names;
}

/** Attributes of a distinguished name (one a line); several of a type stay several. */
function nameParts(subject: string): Record<string, string | string[]> {
  const parts: Record<string, string[]> = {};
  for (const line of subject.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) (parts[line.slice(0, at)] ??= []).push(line.slice(at + 1));
  }
  return Object.fromEntries(
    Object.entries(parts).map(([name, list]) => [name, list.length === 1 ? list[0]! : list]),
  );
}

export function createCertificateSources(
  { clock }: { readonly clock: Clock },
  { certificates }: Pick<AccessConfig, 'certificates'>,
): CertificateSources {
  const bundles = new Map<string, Bundle>();
  const read = ({ name, trustBundleFile }: CertificateSourceConfig): Bundle => {
    const known = bundles.get(name);
    try {
      const { mtimeMs } = statSync(trustBundleFile);
      if (known?.time === mtimeMs) return known;
      const pem = readFileSync(trustBundleFile, 'utf8').match(PEM);
      if (pem === null) throw new Error('it holds no certificate');
      const fingerprints = new Set(pem.map((one) => new X509Certificate(one).fingerprint256));
      const bundle: Bundle = { time: mtimeMs, pem, fingerprints };
      bundles.set(name, bundle);
      return bundle;
    } catch (cause) {
      // A file that is just being written: what was there before still counts.
      if (known !== undefined) return known;
      const reason = `${name}: ${trustBundleFile} cannot be read: ${(cause as Error).message}`;
      throw accessError('ACCESS_CONFIG_INVALID', { reason }, cause);
    }
  };
  const refuse = (reason: string): AccessResult<Outside> => ({
    ok: false,
    error: accessError('ACCESS_CERTIFICATE_REFUSED', { reason }),
  });
  const subjectOf = (
    source: CertificateSourceConfig,
    leaf: X509Certificate,
    uris: readonly string[],
  ): string | { readonly reason: string } => {
    if (source.kind === 'x509') return leaf.subject.replaceAll('\n', ', ');
    // Exactly one, of the trust domain, and no authority (SPIFFE X.509-SVID, sections 2, 4.1 and 5.2).
    const [uri] = uris;
    if (uri === undefined || uris.length !== 1) return { reason: 'it has not exactly one URI' };
    if (!uri.startsWith(`spiffe://${source.trustDomain!}/`))
      return { reason: 'it is of another trust domain' };
    return leaf.ca ? { reason: 'it is an authority' } : uri;
  };
  return {
    authorities: () => certificates.flatMap((source) => read(source).pem),
    verify({ chain, trusted }) {
      if (chain.length === 0) return refuse('there is none');
      if (!trusted) return refuse('no configured authority vouches for it, or it is not valid now');
      const path = chain.map((der) => new X509Certificate(der));
      const leaf = path[0]!;
      const source = certificates.find((one) => {
        const { fingerprints } = read(one);
        return path.some(({ fingerprint256 }) => fingerprints.has(fingerprint256));
      });
      if (source === undefined) return refuse('no configured authority vouches for it');
      const names = alternativeNames(leaf.subjectAltName);
      const uris = names['URI'] ?? [];
      const subject = subjectOf(source, leaf, uris);
      if (typeof subject !== 'string') return refuse(subject.reason);
      const parts = nameParts(leaf.subject);
      const claims: Claims = {
        sub: subject,
        cn: parts['CN'],
        o: parts['O'],
        ou: parts['OU'],
        uri: uris,
        dns: names['DNS'],
        email: names['email'] ?? parts['emailAddress'],
        serial: leaf.serialNumber,
        issuer: leaf.issuer.replaceAll('\n', ', '),
      };
      const now = clock.now();
      const expiresAt = Date.parse(leaf.validTo);
      if (!(expiresAt > now)) return refuse('it has expired');
      return takeClaims({
        source,
        claims,
        issuedAt: Date.parse(leaf.validFrom),
        expiresAt,
        digest: thumbprintOf(chain[0]!),
        now,
      });
    },
  };
}
