/** A certificate for listeners on loopback, made once and kept: clients can pin it. Outside loopback a real one must be configured. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { replaceFile } from './whole-file.ts';

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

/** Whether both can be read, belong together and still hold: a process may have been killed while it made them. */
function isUsable(certificatePem: string, privateKeyPem: string, nowMs: number): boolean {
  try {
    const certificate = new X509Certificate(certificatePem);
    return (
      certificate.checkPrivateKey(createPrivateKey(privateKeyPem)) && Date.parse(certificate.validTo) > nowMs
    );
  } catch {
    return false;
  }
}

const readIfThere = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');

/** Takes up the certificate in a folder, or makes one there. */
export async function loopbackCertificate(folder: string, nowMs: number): Promise<TlsFiles> {
  const certificateFile = join(folder, 'loopback.crt');
  const keyFile = join(folder, 'loopback.key');
  const certificatePem = readIfThere(certificateFile);
  const privateKeyPem = readIfThere(keyFile);
  if (isUsable(certificatePem, privateKeyPem, nowMs))
    return { certificatePem, privateKeyPem, certificateFile };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const made = await makeLoopbackCertificate(nowMs);
  replaceFile(keyFile, made.privateKeyPem, 0o600);
  replaceFile(certificateFile, made.certificatePem, 0o644);
  return { ...made, certificateFile };
}
