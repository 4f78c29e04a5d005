/**
 * Key exchange that holds against a quantum computer: mlkem768x25519-sha256 (draft-ietf-sshm-mlkem-hybrid-kex), ML-KEM by Node's
 * OpenSSL. The library's choice of key exchanges is a switch inside of one file: that file is compiled with one more case, once, before
 * anybody loads it. Where it is loaded already or is another one than expected, nothing changes, and `postQuantum` says so.
 */
import crypto, { type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';

export const HYBRID = 'mlkem768x25519-sha256';
const FACTORY = 'countersign.mlkem768x25519';

const BEFORE = `        case 'curve25519-sha256':
        case 'curve25519-sha256@libssh.org':
`;
const CASE = `        case '${HYBRID}':
          return new (globalThis[Symbol.for('${FACTORY}')](Curve25519Exchange))('sha256', ...args);
`;

/** SubjectPublicKeyInfo before the raw key: id-alg-ml-kem-768 (RFC 9935), id-X25519 (RFC 8410). */
const ML_KEM_PREFIX = Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex');
const X25519_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
const ML_KEM_KEY_BYTES = 1184;
const CIPHERTEXT_BYTES = 1088;
const X25519_BYTES = 32;

/** Node 24.7 and later; the typings are behind. */
const { encapsulate, decapsulate } = crypto as unknown as {
  readonly encapsulate?: (key: KeyObject) => { readonly sharedKey: Buffer; readonly ciphertext: Buffer };
  readonly decapsulate?: (key: KeyObject, ciphertext: Buffer) => Buffer;
};

const publicKeyOf = (prefix: Buffer, raw: Buffer): KeyObject =>
  crypto.createPublicKey({ key: Buffer.concat([prefix, raw]), type: 'spki', format: 'der' });
const rawOf = (key: KeyObject, bytes: number): Buffer =>
  key.export({ type: 'spki', format: 'der' }).subarray(-bytes);

/** What the library's exchange of its own has, as far as it is used here. */
interface Exchange {
  readonly _protocol: { readonly _server: boolean };
}
type ExchangeClass = new (...values: readonly unknown[]) => Exchange;

function hybridOf(base: ExchangeClass): ExchangeClass {
  return class extends base {
    #classic = crypto.generateKeyPairSync('x25519');
    #quantum: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } | undefined;
    /** What goes to the peer: the key and the share of a client, the ciphertext and the share of a server. */
    #sent: Buffer | undefined;

    generateKeys(): void {
      if (this._protocol._server || this.#quantum !== undefined) return;
      this.#quantum = crypto.generateKeyPairSync('ml-kem-768' as 'x25519');
      this.#sent = Buffer.concat([rawOf(this.#quantum.publicKey, ML_KEM_KEY_BYTES), this.#share()]);
    }

    #share(): Buffer {
      return rawOf(this.#classic.publicKey, X25519_BYTES);
    }

    getPublicKey(): Buffer {
      this.generateKeys();
      return this.#sent!;
    }

    convertPublicKey(key: Buffer): Buffer {
      return key;
    }

    /** K = SHA-256(K_PQ || K_CL), as a string and not as a number. An error is given back, as the library wants it. */
    computeSecret(received: Buffer): Buffer | Error {
      try {
        const first = this._protocol._server ? ML_KEM_KEY_BYTES : CIPHERTEXT_BYTES;
        if (received.length !== first + X25519_BYTES) throw new Error('a share of the wrong length');
        const classic = crypto.diffieHellman({
          privateKey: this.#classic.privateKey,
          publicKey: publicKeyOf(X25519_PREFIX, received.subarray(first)),
        });
        const quantum = this.#quantumSecret(received.subarray(0, first));
        return crypto.createHash('sha256').update(quantum).update(classic).digest();
      } catch (error) {
        return error as Error;
      }
    }

    #quantumSecret(received: Buffer): Buffer {
      if (!this._protocol._server) return decapsulate!(this.#quantum!.privateKey, received);
      const { sharedKey, ciphertext } = encapsulate!(publicKeyOf(ML_KEM_PREFIX, received));
      this.#sent = Buffer.concat([ciphertext, this.#share()]);
      return sharedKey;
    }
  };
}

function compile(): boolean {
  if (encapsulate === undefined || decapsulate === undefined) return false;
  const require = createRequire(import.meta.url);
  const path = require.resolve('ssh2/lib/protocol/kex.js');
  if (require.cache[path] !== undefined) return false;
  const source = readFileSync(path, 'utf8');
  if (source.split(BEFORE).length !== 2) return false;
  (globalThis as Record<symbol, unknown>)[Symbol.for(FACTORY)] = hybridOf;
  const made = new Module(path) as Module & { _compile(text: string, file: string): void };
  made.filename = path;
  made.paths = (Module as unknown as { _nodeModulePaths(of: string): string[] })._nodeModulePaths(path);
  require.cache[path] = made;
  try {
    made._compile(source.replace(BEFORE, CASE + BEFORE), path);
  } catch (error) {
    delete require.cache[path];
    throw error;
  }
  made.loaded = true;
  (require('ssh2/lib/protocol/constants.js') as { SUPPORTED_KEX: string[] }).SUPPORTED_KEX.push(HYBRID);
  return true;
}

/** False where this process has no such key exchange: a Node without ML-KEM, or a library that was loaded by somebody before. */
export const postQuantum = compile();

/** The library, loaded behind that. */
export const loadLibrary = (): typeof import('ssh2') =>
  createRequire(import.meta.url)('ssh2') as typeof import('ssh2');
