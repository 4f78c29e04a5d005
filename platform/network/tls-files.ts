/** Certificates and keys that a configuration names by their files. */
import { readFileSync } from 'node:fs';

export interface TlsFiles {
  readonly caFile?: string;
  readonly certificateFile?: string;
  readonly keyFile?: string;
}

/** As node:tls takes them: PEM. */
export interface TlsPem {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

/** Reads those that are named, each time anew. Throws what `read` throws: its caller has the error that its user knows. */
export function readTlsFiles(
  { caFile, certificateFile, keyFile }: TlsFiles,
  read: (path: string) => string | Buffer = (path) => readFileSync(path, 'utf8'),
): TlsPem {
  return {
    ...(caFile === undefined ? {} : { ca: read(caFile) }),
    ...(certificateFile === undefined ? {} : { cert: read(certificateFile) }),
    ...(keyFile === undefined ? {} : { key: read(keyFile) }),
  };
}
