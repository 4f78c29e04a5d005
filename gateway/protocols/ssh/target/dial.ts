/** Connects and logs in to the target. */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Client } from 'ssh2';
import type { Clock, Random } from '../../../../platform/clock/clock.ts';
import type { CountersignError } from '../../../../platform/errors/errors.ts';
import type { ConnectionConfig, TargetCredential } from '../../protocol.ts';
import { normalAddress } from '../../../../platform/network/address.ts';
import { sshError } from '../errors.ts';
import { makeCertificate } from '../keys/certificate.ts';
import { ed25519Blob, openSshPrivateKey, type Ed25519Authority } from '../keys/own-keys.ts';
import {
  acceptHostCertificates,
  authenticateWithCertificate,
  useCertifiedKey,
} from '../library/certificates.ts';
import { ALGORITHMS } from '../library/internals.ts';
import { reusePackets } from '../library/packets.ts';
import { createReads, type Reads } from '../library/reads.ts';
import type { ResolvedOptions } from '../options.ts';
import { checkHost, HOST_CERTIFICATE_TYPES } from './host-check.ts';
import { ssh2 } from '../library/ssh2.ts';

export interface DialDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Certifies the gateway towards targets. */
  authority(): Promise<Ed25519Authority>;
}

export interface TargetLink {
  readonly client: Client;
  readonly socket: Socket;
  readonly reads: Reads;
  readonly account: string;
  /** SSH_CONNECTION as the target sees it, where no address is translated on the way. */
  readonly marker: string;
}

export type Dialled =
  | { readonly ok: true; readonly link: TargetLink }
  | { readonly ok: false; readonly error: CountersignError };

/** As sshd sees its peer: clients that expect OpenSSH behind the name get what they expect (eow@openssh.com). */
export const IDENT = 'OpenSSH_9.0-Countersign';
/** A certificate's clock may differ by this, seconds. */
const SKEW_S = 300;
/** It has to last for the login only. */
const CERTIFICATE_S = 120;

export async function dialTarget(
  deps: DialDeps,
  connection: ConnectionConfig,
  options: ResolvedOptions,
  credential: TargetCredential,
  login: { readonly account: string; readonly keyId: string },
): Promise<Dialled> {
  const { name, host, port } = connection;
  const { account } = login;
  const proof = await proofOf(deps, credential, login);
  if (typeof proof === 'string')
    return { ok: false, error: sshError('SSH_CREDENTIAL_UNAVAILABLE', { connection: name, reason: proof }) };
  const reads = createReads();
  const { socket } = reads;
  socket.setNoDelay(true);
  const client = new ssh2.Client();
  return await new Promise((resolve) => {
    let hostRefused: CountersignError | undefined;
    let connected = false;
    const settle = (result: Dialled): void => {
      timer.cancel();
      if (!result.ok) socket.destroy();
      resolve(result);
    };
    const fail = (cause: unknown): void => {
      if (hostRefused !== undefined) return settle({ ok: false, error: hostRefused });
      const { level, message } = cause as { level?: string; message: string };
      if (level === 'client-authentication')
        return settle({
          ok: false,
          error: sshError('SSH_TARGET_LOGIN_FAILED', { connection: name, account }, cause),
        });
      settle({
        ok: false,
        error: sshError('SSH_TARGET_UNREACHABLE', { connection: name, reason: message.slice(0, 200) }, cause),
      });
    };
    const timer = deps.clock.after(options.connectTimeoutMs, () => {
      fail(new Error(connected ? 'it did not finish the login in time' : 'no answer in time'));
    });
    client.on('error', fail);
    client.on('close', () => fail(new Error('it closed the connection during the login')));
    client.once('ready', () => {
      client.removeAllListeners('error');
      client.removeAllListeners('close');
      const from = `${normalAddress(socket.localAddress ?? '')} ${socket.localPort ?? 0}`;
      const to = `${normalAddress(socket.remoteAddress ?? '')} ${socket.remotePort ?? 0}`;
      settle({ ok: true, link: { client, socket, reads, account, marker: `${from} ${to}` } });
    });
    socket.once('connect', () => {
      connected = true;
    });
    // First: a socket that is not connecting counts as connected for the library.
    socket.connect({ host, port });
    try {
      client.connect({
        sock: socket,
        ident: IDENT,
        username: account,
        algorithms: ALGORITHMS as never,
        readyTimeout: 0,
        keepaliveInterval: options.keepAliveMs,
        keepaliveCountMax: 3,
        authHandler: proof.methods as never,
        hostVerifier: (shown: Buffer) => {
          const checked = checkHost(Buffer.from(shown), options, deps.clock.now());
          if (!checked.ok) {
            const { reason, fingerprint } = checked;
            hostRefused = sshError('SSH_HOST_KEY_CHANGED', { connection: name, reason, fingerprint });
            return false;
          }
          const { certificate } = checked;
          if (certificate !== undefined)
            useCertifiedKey(
              client,
              Buffer.from(shown),
              certificate.keyBlob,
              certificate.type.replace(/-cert-v01@openssh\.com$/, ''),
            );
          return true;
        },
      });
    } catch (cause) {
      fail(cause);
      return;
    }
    reusePackets(client, (may) => reads.reuse(may));
    if (proof.certificate !== undefined) authenticateWithCertificate(client, proof.certificate, proof.key!);
    if (options.hostAuthorities.length > 0) acceptHostCertificates(client, HOST_CERTIFICATE_TYPES);
  });
}

interface Proof {
  readonly methods: readonly object[];
  readonly certificate?: Buffer;
  readonly key?: ReturnType<typeof createPrivateKey>;
}

/** How the gateway proves itself; a string says why it cannot. */
async function proofOf(
  deps: DialDeps,
  credential: TargetCredential,
  { account, keyId }: { readonly account: string; readonly keyId: string },
): Promise<Proof | string> {
  if ('password' in credential && credential.password !== undefined) {
    const { password } = credential;
    return {
      methods: [
        { type: 'password', username: account, password },
        {
          type: 'keyboard-interactive',
          username: account,
          prompt: (
            _name: string,
            _instructions: string,
            _language: string,
            prompts: readonly { echo?: boolean }[],
            answer: (answers: string[]) => void,
          ) => answer(prompts.map((prompt) => (prompt.echo === true ? '' : password))),
        },
      ],
    };
  }
  if ('privateKey' in credential) {
    const parsed = ssh2.utils.parseKey(credential.privateKey, credential.passphrase);
    if (parsed instanceof Error) return 'its private key cannot be read';
    return {
      methods: [
        {
          type: 'publickey',
          username: account,
          key: credential.privateKey,
          ...(credential.passphrase === undefined ? {} : { passphrase: credential.passphrase }),
        },
      ],
    };
  }
  if (!('certificate' in credential)) return 'it is of a kind that SSH cannot use';
  const { privateKey } = generateKeyPairSync('ed25519');
  const nowSeconds = Math.floor(deps.clock.now() / 1000);
  const certificate = makeCertificate(
    {
      kind: 'user',
      keyBlob: ed25519Blob(privateKey),
      keyId,
      principals: [account],
      validAfter: nowSeconds - SKEW_S,
      validBefore: nowSeconds + SKEW_S + CERTIFICATE_S,
      serial: deps.random.bytes(8).readBigUInt64BE(0),
      nonce: deps.random.bytes(32),
      extensions: [
        'permit-agent-forwarding',
        'permit-port-forwarding',
        'permit-pty',
        'permit-user-rc',
        'permit-X11-forwarding',
      ],
    },
    await deps.authority(),
  );
  return {
    methods: [{ type: 'publickey', username: account, key: openSshPrivateKey(privateKey) }],
    certificate,
    key: privateKey,
  };
}
