/** Public keys as SSH writes them (RFC 4253, section 6.6; RFC 5656; RFC 8709), and signatures made with them. */
import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { SshReader } from './wire.ts';

const CURVES: Readonly<
  Record<string, { readonly crv: string; readonly bytes: number; readonly hash: string }>
> = {
  nistp256: { crv: 'P-256', bytes: 32, hash: 'sha256' },
  nistp384: { crv: 'P-384', bytes: 48, hash: 'sha384' },
  nistp521: { crv: 'P-521', bytes: 66, hash: 'sha512' },
};
/** RSA keys below this are refused, bits. */
const RSA_BITS_MIN = 2048;

export interface PublicKey {
  readonly type: string;
  readonly key: KeyObject;
}

/** `SHA256:...`, as ssh-keygen -l prints it. */
export const fingerprintOf = (blob: Buffer): string =>
  `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;

/** `ssh-ed25519 AAAA...`: one line of known_hosts or authorized_keys. */
export const lineOf = (blob: Buffer): string =>
  `${new SshReader(blob).text() ?? ''} ${blob.toString('base64')}`;

/** The key of a line `TYPE BASE64 [comment]`; undefined where it is none. */
export function blobOfLine(line: string): Buffer | undefined {
  const [type, base64] = line.trim().split(/\s+/);
  if (type === undefined || base64 === undefined || !/^[A-Za-z0-9+/]+=*$/.test(base64)) return undefined;
  const blob = Buffer.from(base64, 'base64');
  return new SshReader(blob).text() === type ? blob : undefined;
}

/** Undefined for what is no key, a kind that is not supported (DSA), or too short. Not for certificates. */
export function readPublicKey(blob: Buffer): PublicKey | undefined {
  const reader = new SshReader(blob);
  const type = reader.text();
  try {
    if (type === 'ssh-ed25519') {
      const x = reader.string();
      if (x?.length !== 32 || reader.left > 0) return undefined;
      return { type, key: jwk({ kty: 'OKP', crv: 'Ed25519', x: x.toString('base64url') }) };
    }
    if (type === 'ssh-rsa') {
      const e = reader.string();
      const n = reader.string();
      if (e === undefined || n === undefined || reader.left > 0) return undefined;
      const key = jwk({ kty: 'RSA', e: e.toString('base64url'), n: n.toString('base64url') });
      return (key.asymmetricKeyDetails?.modulusLength ?? 0) < RSA_BITS_MIN ? undefined : { type, key };
    }
    const curve = CURVES[type?.replace('ecdsa-sha2-', '') ?? ''];
    if (type === undefined || curve === undefined) return undefined;
    reader.string();
    const point = reader.string();
    if (point?.length !== 1 + 2 * curve.bytes || point[0] !== 4 || reader.left > 0) return undefined;
    const x = point.subarray(1, 1 + curve.bytes).toString('base64url');
    const y = point.subarray(1 + curve.bytes).toString('base64url');
    return { type, key: jwk({ kty: 'EC', crv: curve.crv, x, y }) };
  } catch {
    return undefined;
  }
}

const jwk = (key: Record<string, string>): KeyObject => createPublicKey({ key, format: 'jwk' });

/**
 * Checks `signature` as the library gives it: bare, for ECDSA as ASN.1 or as SSH writes it (mpint r, mpint s). SHA-1 is refused.
 */
export function verifySignature(
  { type, key }: PublicKey,
  data: Buffer,
  signature: Buffer,
  rsaHash: 'sha256' | 'sha512' | undefined,
): boolean {
  try {
    if (type === 'ssh-ed25519') return verify(null, data, key, signature);
    if (type === 'ssh-rsa') return rsaHash !== undefined && verify(rsaHash, data, key, signature);
    const curve = CURVES[type.replace('ecdsa-sha2-', '')]!;
    if (signature[0] === 0x30) return verify(curve.hash, data, { key, dsaEncoding: 'der' }, signature);
    const raw = rawEcdsa(signature, curve.bytes);
    return raw !== undefined && verify(curve.hash, data, { key, dsaEncoding: 'ieee-p1363' }, raw);
  } catch {
    return false;
  }
}

/** A whole signature blob: algorithm and value. */
export function verifySignatureBlob(key: PublicKey, data: Buffer, blob: Buffer): boolean {
  const reader = new SshReader(blob);
  const algorithm = reader.text();
  const value = reader.string();
  if (algorithm === undefined || value === undefined) return false;
  if (key.type !== 'ssh-rsa') return algorithm === key.type && verifySignature(key, data, value, undefined);
  const hash = ({ 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' } as const)[algorithm];
  return hash !== undefined && verifySignature(key, data, value, hash);
}

function rawEcdsa(signature: Buffer, length: number): Buffer | undefined {
  const reader = new SshReader(signature);
  const parts = [reader.string(), reader.string()].map((part) => {
    if (part === undefined) return undefined;
    const bare = part[0] === 0 ? part.subarray(1) : part;
    return bare.length > length ? undefined : Buffer.concat([Buffer.alloc(length - bare.length), bare]);
  });
  return parts.some((part) => part === undefined) ? undefined : Buffer.concat(parts as Buffer[]);
}
