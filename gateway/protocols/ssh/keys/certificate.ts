/** OpenSSH certificates (OpenSSH: PROTOCOL.certkeys): read, checked and made. Keys of certificates: Ed25519, ECDSA, RSA. */
import { sign, type KeyObject } from 'node:crypto';
import { readPublicKey, verifySignatureBlob } from './public-key.ts';
import { SshReader, sshString, uint32, uint64 } from './wire.ts';

export const CERT_SUFFIX = '-cert-v01@openssh.com';
/** Fields of the public key in the certificate, after its nonce. */
const KEY_FIELDS: Readonly<Record<string, number>> = {
  'ssh-ed25519': 1,
  'ssh-rsa': 2,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
};
const LIST_MAX = 256;

export interface Certificate {
  readonly type: string;
  /** The certified key as a blob of its own. */
  readonly keyBlob: Buffer;
  readonly serial: bigint;
  readonly kind: 'user' | 'host';
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Seconds since the epoch. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly criticalOptions: ReadonlyMap<string, string>;
  readonly extensions: ReadonlyMap<string, string>;
  readonly signerBlob: Buffer;
  readonly signature: Buffer;
  /** What is signed. */
  readonly signed: Buffer;
}

/** Undefined where the blob is no certificate that we know. Nothing is checked yet. */
export function readCertificate(blob: Buffer): Certificate | undefined {
  const reader = new SshReader(blob);
  const type = reader.text();
  if (type === undefined || !type.endsWith(CERT_SUFFIX)) return undefined;
  const keyType = type.slice(0, -CERT_SUFFIX.length);
  const fields = KEY_FIELDS[keyType];
  if (fields === undefined) return undefined;
  reader.string();
  const key: Buffer[] = [sshString(keyType)];
  for (let left = fields; left > 0; left -= 1) key.push(sshString(reader.string() ?? Buffer.alloc(0)));
  const serial = reader.uint64();
  const kind = reader.uint32();
  const keyId = reader.text();
  const principals = readList(reader.string());
  const validAfter = reader.uint64();
  const validBefore = reader.uint64();
  const criticalOptions = readMap(reader.string());
  const extensions = readMap(reader.string());
  reader.string();
  const signerBlob = reader.string();
  const signed = blob.subarray(0, reader.at);
  const signature = reader.string();
  if (
    serial === undefined ||
    (kind !== 1 && kind !== 2) ||
    keyId === undefined ||
    principals === undefined ||
    validAfter === undefined ||
    validBefore === undefined ||
    criticalOptions === undefined ||
    extensions === undefined ||
    signerBlob === undefined ||
    signature === undefined ||
    reader.left > 0
  )
    return undefined;
  return {
    type,
    keyBlob: Buffer.concat(key),
    serial,
    kind: kind === 1 ? 'user' : 'host',
    keyId,
    principals,
    validAfter,
    validBefore,
    criticalOptions,
    extensions,
    signerBlob,
    signature,
    signed,
  };
}

function readList(bytes: Buffer | undefined): string[] | undefined {
  if (bytes === undefined) return undefined;
  const reader = new SshReader(bytes);
  const list: string[] = [];
  while (reader.left > 0) {
    const entry = reader.text();
    if (entry === undefined || list.length >= LIST_MAX) return undefined;
    list.push(entry);
  }
  return list;
}

/** Names in order with their data, itself a string inside (empty: a flag). */
function readMap(bytes: Buffer | undefined): Map<string, string> | undefined {
  if (bytes === undefined) return undefined;
  const reader = new SshReader(bytes);
  const map = new Map<string, string>();
  while (reader.left > 0) {
    const name = reader.text();
    const data = reader.string();
    if (name === undefined || data === undefined || map.has(name) || map.size >= LIST_MAX) return undefined;
    map.set(name, data.length === 0 ? '' : (new SshReader(data).text() ?? ''));
  }
  return map;
}

/** What is wrong with a certificate; undefined where it is good for this kind, authority and moment (seconds). */
export function faultOf(
  certificate: Certificate,
  wanted: {
    readonly kind: 'user' | 'host';
    readonly authorities: readonly Buffer[];
    readonly nowSeconds: bigint;
    /** One of these must be among the principals; a certificate without any is refused. */
    readonly principals: readonly string[];
    /** Critical options that the caller holds itself. */
    readonly criticalOptions: readonly string[];
  },
): string | undefined {
  if (certificate.kind !== wanted.kind) return `it is a ${certificate.kind} certificate`;
  if (!wanted.authorities.some((authority) => authority.equals(certificate.signerBlob)))
    return 'its authority is not trusted';
  const signer = readPublicKey(certificate.signerBlob);
  if (signer === undefined || !verifySignatureBlob(signer, certificate.signed, certificate.signature))
    return 'its signature is wrong';
  if (wanted.nowSeconds < certificate.validAfter) return 'it is not valid yet';
  if (wanted.nowSeconds >= certificate.validBefore) return 'it has expired';
  if (!wanted.principals.some((principal) => certificate.principals.includes(principal)))
    return `its principals are ${certificate.principals.join(', ') || 'none'}`;
  for (const name of certificate.criticalOptions.keys())
    if (!wanted.criticalOptions.includes(name)) return `its critical option ${name} is not supported`;
  return undefined;
}

export interface CertificateRequest {
  readonly kind: 'user' | 'host';
  /** Ed25519 key to be certified. */
  readonly keyBlob: Buffer;
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Seconds since the epoch. */
  readonly validAfter: number;
  readonly validBefore: number;
  readonly serial: bigint;
  readonly nonce: Buffer;
  readonly criticalOptions?: Readonly<Record<string, string>>;
  readonly extensions?: readonly string[];
}

/** Signs with an Ed25519 authority. `keyBlob` may be of any type that has certificates. */
export function makeCertificate(
  request: CertificateRequest,
  authority: { readonly privateKey: KeyObject; readonly publicBlob: Buffer },
): Buffer {
  const reader = new SshReader(request.keyBlob);
  const keyType = reader.text() ?? '';
  const fields = request.keyBlob.subarray(reader.at);
  const options = Object.entries(request.criticalOptions ?? {}).sort(([one], [other]) =>
    one < other ? -1 : 1,
  );
  const signed = Buffer.concat([
    sshString(`${keyType}${CERT_SUFFIX}`),
    sshString(request.nonce),
    fields,
    uint64(request.serial),
    uint32(request.kind === 'user' ? 1 : 2),
    sshString(request.keyId),
    sshString(Buffer.concat(request.principals.map(sshString))),
    uint64(BigInt(request.validAfter)),
    uint64(BigInt(request.validBefore)),
    sshString(
      Buffer.concat(
        options.map(([name, value]) => Buffer.concat([sshString(name), sshString(sshString(value))])),
      ),
    ),
    sshString(
      Buffer.concat(
        [...(request.extensions ?? [])].sort().map((name) => Buffer.concat([sshString(name), sshString('')])),
      ),
    ),
    sshString(''),
    sshString(authority.publicBlob),
  ]);
  const signature = sign(null, signed, authority.privateKey);
  return Buffer.concat([signed, sshString(Buffer.concat([sshString('ssh-ed25519'), sshString(signature)]))]);
}
