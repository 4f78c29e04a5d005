/** Certificates, which ssh2 does not know: of hosts on both sides, of users towards targets. Stands on its inside, as internals.ts. */
import { sign, type KeyObject } from 'node:crypto';
import type { Client, Connection } from 'ssh2';
import { sshString } from '../keys/wire.ts';
import { inside, load, message, send, type LibraryKey } from './internals.ts';

const { KexInit } = load('ssh2/lib/protocol/kex.js') as { KexInit: new (lists: object) => object };

/**
 * Offers a host certificate. The library writes the name of the negotiated host key type into the signature, where the plain type
 * belongs: while it signs, the plain type stands there.
 */
export function offerHostCertificate(connection: Connection, certificate: Buffer, type: string): void {
  const protocol = inside(connection)._protocol;
  const certified = `${type}-cert-v01@openssh.com`;
  const plain = protocol._hostKeys[type];
  if (plain === undefined) return;
  const key = Object.create(plain, {
    type: { value: certified },
    getPublicSSH: { value: () => certificate },
    sign: {
      value: (data: Buffer, hash?: string) => {
        protocol._kex.negotiated.serverHostKey = type;
        return plain.sign(data, hash);
      },
    },
  }) as LibraryKey;
  protocol._hostKeys = { ...protocol._hostKeys, [certified]: key };
  protocol._offer = withHostKeys(protocol._offer, [certified]);
}

interface Offer {
  readonly lists: Record<
    string,
    { readonly array: readonly string[] } | Record<string, { readonly array: readonly string[] }>
  >;
}
function withHostKeys(offer: object, first: readonly string[]): object {
  const { lists } = offer as Offer;
  const list = (of: unknown): readonly string[] => (of as { array: readonly string[] }).array;
  const side = (of: unknown): object => {
    const { cipher, mac, compress, lang } = of as Record<string, unknown>;
    return { cipher: list(cipher), mac: list(mac), compress: list(compress), lang: list(lang) };
  };
  return new KexInit({
    kex: list(lists['kex']),
    serverHostKey: [...first, ...list(lists['serverHostKey'])],
    cs: side(lists['cs']),
    sc: side(lists['sc']),
  });
}

/**
 * Accepts host certificates of the target. The library compares and parses the certificate as if it were a key: once the caller has
 * accepted it, the certified key stands in its place for all that comes after the exchange hash.
 */
export function acceptHostCertificates(client: Client, types: readonly string[]): void {
  const protocol = inside(client)._protocol;
  protocol._offer = withHostKeys(protocol._offer, types);
}

/** To be called by the host verifier for a certificate that it accepts. */
export function useCertifiedKey(client: Client, certificate: Buffer, keyBlob: Buffer, keyType: string): void {
  const kex = inside(client)._protocol._kex;
  kex.negotiated.serverHostKey = keyType;
  // The exchange hash is over the certificate (read once); the signature is the certified key's (read after that).
  let reads = 0;
  let value: Buffer | undefined = certificate;
  Object.defineProperty(kex, '_hostKey', {
    configurable: true,
    get: () => (value !== certificate ? value : (reads += 1) === 1 ? certificate : keyBlob),
    set: (given: Buffer | undefined) => {
      value = given;
      reads = 0;
    },
  });
}

/** Logs in with a user certificate, which the library cannot: replaces its `authPK`. The key is Ed25519. */
export function authenticateWithCertificate(client: Client, certificate: Buffer, key: KeyObject): void {
  const protocol = inside(client)._protocol;
  protocol.authPK = (user) => {
    const request = Buffer.concat([
      message(50),
      sshString(user),
      sshString('ssh-connection'),
      sshString('publickey'),
      Buffer.from([1]),
      sshString('ssh-ed25519-cert-v01@openssh.com'),
      sshString(certificate),
    ]);
    const signature = sign(null, Buffer.concat([sshString(protocol._kex.sessionID), request]), key);
    protocol._authsQueue.push('publickey');
    send(protocol, request, sshString(Buffer.concat([sshString('ssh-ed25519'), sshString(signature)])));
  };
}
