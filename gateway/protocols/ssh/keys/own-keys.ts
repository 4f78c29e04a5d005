/** Keys of the gateway's own: host keys, the authority that certifies users and hosts. Kept in the vault as PEM. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { ProtocolDeps } from '../../protocol.ts';
import { sshString } from './wire.ts';
import { ssh2 } from '../library/ssh2.ts';

export interface Ed25519Authority {
  readonly privateKey: KeyObject;
  readonly publicBlob: Buffer;
}

export interface OwnKeys {
  /** PEM, in the order they are offered: Ed25519, ECDSA, RSA. */
  readonly hostKeys: readonly string[];
  /** Public blobs of the same. */
  readonly hostBlobs: readonly Buffer[];
  /** Certifies users towards this gateway and, per session, the gateway towards targets; and the gateway's host key. */
  readonly userAuthority: Ed25519Authority;
  readonly targetAuthority: Ed25519Authority;
  readonly hostAuthority: Ed25519Authority;
}

const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const makeEd25519 = (): string => pem(generateKeyPairSync('ed25519').privateKey);
const MAKERS: Readonly<Record<string, () => string>> = {
  ed25519: makeEd25519,
  // The library reads the traditional forms of these.
  ecdsa: () =>
    generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
      .privateKey.export({ type: 'sec1', format: 'pem' })
      .toString(),
  rsa: () =>
    generateKeyPairSync('rsa', { modulusLength: 3072 })
      .privateKey.export({ type: 'pkcs1', format: 'pem' })
      .toString(),
};

export function ed25519Blob(key: KeyObject): Buffer {
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  return Buffer.concat([sshString('ssh-ed25519'), sshString(Buffer.from(x!, 'base64url'))]);
}

/** An Ed25519 private key in OpenSSH's own form, unencrypted (OpenSSH: PROTOCOL.key); the only one the library reads. */
export function openSshPrivateKey(key: KeyObject): string {
  const { d, x } = key.export({ format: 'jwk' });
  const secret = Buffer.from(d!, 'base64url');
  const open = Buffer.from(x!, 'base64url');
  const blob = Buffer.concat([sshString('ssh-ed25519'), sshString(open)]);
  const check = Buffer.from('436f756e', 'hex');
  const body = Buffer.concat([check, check, blob, sshString(Buffer.concat([secret, open])), sshString('')]);
  const padding = Buffer.from(Array.from({ length: (8 - (body.length % 8)) % 8 }, (_, index) => index + 1));
  const one = Buffer.from([0, 0, 0, 1]);
  const whole = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    sshString('none'),
    sshString('none'),
    sshString(''),
    one,
    sshString(blob),
    sshString(Buffer.concat([body, padding])),
  ]);
  const lines = whole.toString('base64').match(/.{1,70}/g)!;
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

export async function loadOwnKeys(deps: Pick<ProtocolDeps, 'kept'>): Promise<OwnKeys> {
  const hostKeys: string[] = [];
  for (const [name, make] of Object.entries(MAKERS)) {
    const kept = await deps.kept(`ssh-host-${name}`, make);
    hostKeys.push(name === 'ed25519' ? openSshPrivateKey(createPrivateKey(kept)) : kept);
  }
  return {
    hostKeys,
    hostBlobs: hostKeys.map((text) => {
      const parsed = ssh2.utils.parseKey(text);
      if (parsed instanceof Error) throw parsed;
      return parsed.getPublicSSH();
    }),
    userAuthority: await loadAuthority(deps, 'user'),
    targetAuthority: await loadAuthority(deps, 'target'),
    hostAuthority: await loadAuthority(deps, 'host'),
  };
}

/** An authority by what it certifies: `user` (clients of the gateway), `target` (the gateway at targets), `host` (the gateway itself). */
export async function loadAuthority(
  deps: Pick<ProtocolDeps, 'kept'>,
  name: 'user' | 'target' | 'host',
): Promise<Ed25519Authority> {
  const privateKey = createPrivateKey(await deps.kept(`ssh-${name}-ca`, makeEd25519));
  return { privateKey, publicBlob: ed25519Blob(privateKey) };
}
