/** OPA's bundle signing: a JWT in .signatures.json lists the hash of each file (openpolicyagent.org: "Bundles", signing). */
import { createPublicKey, timingSafeEqual, X509Certificate, type KeyObject } from 'node:crypto';
import { compactVerify } from 'jose';
import { hashOfFile } from './structured-hash.ts';

export interface Verifier {
  readonly keyId: string;
  readonly algorithm: string;
  /** PEM of a public key or a certificate; or the secret of HS algorithms. */
  readonly key: string;
  readonly scope: string | null;
}

const SIGNATURES = '.signatures.json';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function keyOf({ algorithm, key }: Verifier): KeyObject | Uint8Array {
  if (algorithm.startsWith('HS')) return Buffer.from(key);
  return key.includes('BEGIN CERTIFICATE') ? new X509Certificate(key).publicKey : createPublicKey(key);
}

function readSignatures(files: ReadonlyMap<string, Buffer>): readonly string[] | undefined {
  try {
    const read: unknown = JSON.parse(files.get(SIGNATURES)?.toString('utf8') ?? 'null');
    const list = isObject(read) ? read['signatures'] : undefined;
    return Array.isArray(list) && list.every((one) => typeof one === 'string') ? list : undefined;
  } catch {
    return undefined;
  }
}

/** Why the bundle is not to be trusted; undefined where all its files are as they were signed, and none is missing. */
export async function whyUntrusted(
  files: ReadonlyMap<string, Buffer>,
  verifier: Verifier,
): Promise<string | undefined> {
  const signatures = readSignatures(files);
  if (signatures === undefined) return 'there is no .signatures.json with signatures in it';
  // As OPA has it: one.
  if (signatures.length !== 1) return `it has ${signatures.length} signatures; one is expected`;
  let header: { kid?: string };
  let payload: unknown;
  try {
    const verified = await compactVerify(signatures[0]!, keyOf(verifier), {
      algorithms: [verifier.algorithm],
    });
    header = verified.protectedHeader;
    payload = JSON.parse(Buffer.from(verified.payload).toString('utf8'));
  } catch (error) {
    const { code } = error as { code?: string };
    return `the signature does not fit the key (${code ?? (error as Error).name})`;
  }
  if (!isObject(payload)) return 'the signature signs nothing';
  const named = header.kid ?? payload['keyid'];
  if (named !== undefined && named !== verifier.keyId)
    return `it was signed with the key ${JSON.stringify(named)}, not with "${verifier.keyId}"`;
  if (verifier.scope !== null && payload['scope'] !== verifier.scope)
    return `its scope is not "${verifier.scope}"`;
  return compareFiles(files, payload['files']);
}

function compareFiles(files: ReadonlyMap<string, Buffer>, signed: unknown): string | undefined {
  if (!Array.isArray(signed)) return 'the signature lists no files';
  const left = new Map([...files].filter(([name]) => name !== SIGNATURES));
  for (const entry of signed) {
    if (!isObject(entry) || typeof entry['name'] !== 'string') return 'the signature lists what is no file';
    const name = entry['name'].replace(/^\/+/, '');
    const bytes = left.get(name);
    if (bytes === undefined) return `${name} was signed and is not there`;
    const { algorithm, hash } = entry;
    if (typeof algorithm !== 'string' || typeof hash !== 'string') return `${name} was signed without a hash`;
    const found = hashOfFile(name, bytes, algorithm);
    if ('reason' in found) return found.reason;
    const stated = Buffer.from(hash, 'hex');
    const actual = Buffer.from(found.hash, 'hex');
    if (stated.length !== actual.length || !timingSafeEqual(stated, actual)) return `${name} was changed`;
    left.delete(name);
  }
  const [stranger] = left.keys();
  return stranger === undefined ? undefined : `${stranger} was not signed`;
}
