/** A certificate authority of a test, and what it issues. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';

export interface Issued {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface Authority {
  readonly caFile: string;
  readonly caPem: string;
  /** For `localhost` and 127.0.0.1; other names where given. Fit for servers and clients. */
  issue(name: string, names?: readonly string[]): Promise<Issued>;
}

const DAY_MS = 86_400_000;

/** Its files stand in `folder`. */
export async function createAuthority(
  folder: string,
  nowMs: number,
  called = 'authority',
): Promise<Authority> {
  const dates = { notBeforeDate: new Date(nowMs - DAY_MS), notAfterDate: new Date(nowMs + 30 * DAY_MS) };
  const kind = { keyType: 'ec', algorithm: 'sha256' } as const;
  const ca = await generate([{ name: 'commonName', value: called }], {
    ...kind,
    ...dates,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const write = (file: string, pem: string): string => {
    const path = join(folder, file);
    writeFileSync(path, pem, { mode: 0o600 });
    return path;
  };
  const caFile = write(`${called}.crt`, ca.cert);
  return {
    caFile,
    caPem: ca.cert,
    async issue(name, names) {
      const made = await generate([{ name: 'commonName', value: name }], {
        ...kind,
        ...dates,
        ca: { key: ca.private, cert: ca.cert },
        extensions: [
          { name: 'basicConstraints', cA: false },
          { name: 'keyUsage', digitalSignature: true, critical: true },
          { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
          {
            name: 'subjectAltName',
            altNames:
              names === undefined
                ? [
                    { type: 2, value: 'localhost' },
                    { type: 7, ip: '127.0.0.1' },
                  ]
                : names.map((value) => ({ type: 2 as const, value })),
          },
        ],
      });
      return {
        certificatePem: made.cert,
        keyPem: made.private,
        certificateFile: write(`${called}-${name}.crt`, made.cert),
        keyFile: write(`${called}-${name}.key`, made.private),
      };
    },
  };
}
