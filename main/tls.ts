/** A certificate for listeners on loopback, made once and kept: clients can pin it. Outside loopback a real one must be configured. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';

export interface TlsFiles {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  /** Where clients find the certificate (psql: sslrootcert). */
  readonly certificateFile: string;
}

const VALID_MS = 365 * 24 * 3_600_000;

/** Makes a self-signed certificate for localhost, 127.0.0.1 and ::1. */
export async function makeLoopbackCertificate(
  nowMs: number,
): Promise<{ certificatePem: string; privateKeyPem: string }> {
  const made = await generate([{ name: 'commonName', value: 'countersign on localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(nowMs - 3_600_000),
    notAfterDate: new Date(nowMs + VALID_MS),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  return { certificatePem: made.cert, privateKeyPem: made.private };
}

/** Takes up the certificate in a folder, or makes one there. */
export async function loopbackCertificate(folder: string, nowMs: number): Promise<TlsFiles> {
  const certificateFile = join(folder, 'loopback.crt');
  const keyFile = join(folder, 'loopback.key');
  if (!existsSync(certificateFile) || !existsSync(keyFile)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const made = await makeLoopbackCertificate(nowMs);
    writeFileSync(keyFile, made.privateKeyPem, { mode: 0o600 });
    writeFileSync(certificateFile, made.certificatePem, { mode: 0o644 });
  }
  return {
    certificatePem: readFileSync(certificateFile, 'utf8'),
    privateKeyPem: readFileSync(keyFile, 'utf8'),
    certificateFile,
  };
}
