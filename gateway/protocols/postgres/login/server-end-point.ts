/** Channel binding tls-server-end-point (RFC 5929, section 4.1): the hash of the server's certificate. */
import { createHash, X509Certificate } from 'node:crypto';

/** Hash by the object id of the certificate's signature algorithm, DER in hex; MD5 and SHA-1 count as SHA-256. */
const HASHES: Readonly<Record<string, string>> = {
  '2a864886f70d010104': 'sha256', // md5WithRSAEncryption
  '2a864886f70d010105': 'sha256', // sha1WithRSAEncryption
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d0401': 'sha256', // ecdsa-with-SHA1
  '2a8648ce3d040302': 'sha256', // ecdsa-with-SHA256
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
};

/** Reads a DER header: where the value starts and ends. */
function derValue(der: Buffer, at: number): { start: number; end: number } {
  const short = der[at + 1]!;
  if (short < 0x80) return { start: at + 2, end: at + 2 + short };
  const bytes = short & 0x7f;
  const start = at + 2 + bytes;
  return { start, end: start + der.readUIntBE(at + 2, bytes) };
}

/** Binding data of a PEM or DER certificate; null where its signature algorithm has no hash of its own (no -PLUS then). */
export function serverEndPoint(certificate: string | Buffer): Buffer | null {
  const der = new X509Certificate(certificate).raw;
  // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { algorithm OBJECT IDENTIFIER, ... }, ... }
  const body = derValue(der, 0);
  const toBeSigned = derValue(der, body.start);
  const algorithm = derValue(der, toBeSigned.end);
  const oid = derValue(der, algorithm.start);
  const hash = HASHES[der.toString('hex', oid.start, oid.end)];
  return hash === undefined ? null : createHash(hash).update(der).digest();
}
