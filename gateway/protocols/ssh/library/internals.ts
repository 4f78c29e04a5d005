/**
 * Everything that stands on the inside of ssh2, in one place and for one version: each function here is a remedy for a defect or a
 * gap that test/library.test.ts shows. Nobody else in this folder touches an underscore of the library.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { Client, Connection } from 'ssh2';
import { sshString, uint32 } from '../keys/wire.ts';
import { HYBRID, postQuantum } from './post-quantum.ts';

export const load = createRequire(import.meta.url);
/** What these remedies were written and tested for. */
export const LIBRARY_VERSION = '1.17.0';

export interface Protocol {
  _kex: {
    sessionID: Buffer;
    remoteExtInfoEnabled: boolean;
    negotiated: { serverHostKey: string };
    _hostKey: Buffer;
  };
  _offer: object;
  _hostKeys: Record<string, LibraryKey>;
  _handlers: Record<string, (...values: never[]) => void>;
  _onHandshakeComplete: (...values: unknown[]) => void;
  _authsQueue: string[];
  _packetRW: {
    write: { allocStart: number; alloc(length: number): Buffer; finalize(packet: Buffer): Buffer };
  };
  authPK: (user: string, key: unknown, algorithm?: unknown, sign?: unknown) => void;
  channelFailure(channel: number): void;
  exitStatus(channel: number, status: number): void;
  exitSignal(channel: number, signal: string, dumped: boolean, message: string): void;
  rekey(): void;
}
export interface LibraryKey {
  readonly type: string;
  getPublicSSH(): Buffer;
  sign(data: Buffer, hash?: string): Buffer | Error;
}
interface Ends {
  readonly incoming: { readonly id: number; readonly state: string };
  readonly outgoing: { readonly id: number; readonly state: string };
}
interface Inside {
  readonly _protocol: Protocol;
  readonly _chanMgr: { get(id: number): unknown };
}
export interface ChannelInside extends Ends {
  readonly _client: Inside;
}

export const inside = (of: Connection | Client): Inside => of as unknown as Inside;
const { sendPacket } = load('ssh2/lib/protocol/utils.js') as {
  sendPacket(protocol: Protocol, packet: Buffer): boolean;
};
const constants = load('ssh2/lib/protocol/constants.js') as Record<string, readonly string[]>;

/** Throws where another version of the library is installed than these remedies are for. */
export function checkVersion(): void {
  const { version } = load('ssh2/package.json') as { version: string };
  if (version !== LIBRARY_VERSION)
    throw new Error(
      `ssh2 is ${version}; gateway/protocols/ssh/library/internals.ts is for ${LIBRARY_VERSION}`,
    );
}

/** False: ciphers run in JavaScript and through OpenSSL's slow paths, at a tenth of the speed. The library falls back without a word. */
export const isFast = (): boolean =>
  (load('ssh2/lib/protocol/crypto.js') as { bindingAvailable: boolean }).bindingAvailable;

/**
 * True where the native part was built without main/native/no-cleanup-hooks.h against a Node that needs it: V8 may then abort the
 * process when it collects a cipher.
 */
export function mayAbort(): boolean {
  try {
    const file = load.resolve('ssh2/lib/protocol/crypto/build/Release/sshcrypto.node');
    return isFast() && readFileSync(file).includes('RemoveEnvironmentCleanupHook');
  } catch {
    return false;
  }
}

export function send(protocol: Protocol, ...parts: readonly Buffer[]): void {
  const payload = Buffer.concat(parts);
  const { write } = protocol._packetRW;
  const packet = write.alloc(payload.length);
  packet.set(payload, write.allocStart);
  sendPacket(protocol, write.finalize(packet));
}

export const message = (number: number): Buffer => Buffer.from([number]);

/** SSH_MSG_USERAUTH_BANNER (RFC 4252, section 5.4): what a client shows before its login is over. */
export function sendBanner(connection: Connection, text: string): void {
  send(inside(connection)._protocol, message(53), sshString(text), sshString(''));
}

/** SSH_MSG_DISCONNECT with words (RFC 4253, section 11.1); the library's own has none. */
export function sendDisconnect(connection: Connection, reason: number, text: string): void {
  send(
    inside(connection)._protocol,
    message(1),
    uint32(reason),
    sshString(text.slice(0, 1024)),
    sshString(''),
  );
}

/** SSH_MSG_CHANNEL_REQUEST without reply, of a kind that the library cannot send. */
export function sendChannelRequest(channel: unknown, type: string): void {
  const { _client, outgoing } = channel as ChannelInside;
  if (outgoing.state === 'closing' || outgoing.state === 'closed') return;
  send(_client._protocol, message(98), uint32(outgoing.id), sshString(type), Buffer.from([0]));
}

/** The library refuses an exit status once EOF was sent, though the two are independent (RFC 4254, section 6.10). */
export function sendExit(
  channel: unknown,
  exit:
    | { readonly status: number }
    | { readonly signal: string; readonly dumped: boolean; readonly message: string },
): void {
  const { _client, outgoing } = channel as ChannelInside;
  if (outgoing.state !== 'open' && outgoing.state !== 'eof') return;
  if ('status' in exit) _client._protocol.exitStatus(outgoing.id, exit.status);
  else _client._protocol.exitSignal(outgoing.id, exit.signal, exit.dumped, exit.message);
}

/** True once the other side has closed the channel, or we have. */
export const isClosed = (channel: unknown): boolean => {
  const { outgoing, incoming } = channel as ChannelInside;
  return outgoing.state === 'closing' || outgoing.state === 'closed' || incoming.state === 'closed';
};

/** Signature algorithms of clients (RFC 8308, section 3.1). */
export const SIGNATURE_ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-ed25519-cert-v01@openssh.com',
  'ecdsa-sha2-nistp256-cert-v01@openssh.com',
  'rsa-sha2-512-cert-v01@openssh.com',
  'rsa-sha2-256-cert-v01@openssh.com',
];

/** The library's list lacks a comma, so that clients with rsa-sha2-512 only give up: sends ours in its place. */
export function mendSignatureAlgorithms(connection: Connection): void {
  const protocol = inside(connection)._protocol;
  const complete = protocol._onHandshakeComplete;
  let first = true;
  protocol._onHandshakeComplete = (...values) => {
    const wanted = first && protocol._kex.remoteExtInfoEnabled;
    first = false;
    protocol._kex.remoteExtInfoEnabled = false;
    // Must be the first message under the new keys.
    if (wanted)
      send(
        protocol,
        message(7),
        uint32(1),
        sshString('server-sig-algs'),
        sshString(SIGNATURE_ALGORITHMS.join(',')),
      );
    complete(...values);
  };
}

interface LibrarySession {
  readonly _channel?: Ends;
  _ending: boolean;
  readonly _chanInfo?: Ends;
  emit(event: string, ...values: unknown[]): boolean;
}

/**
 * Channel requests that the library drops: `eow@openssh.com` (emitted as `eow`), those that want a reply after the start (PuTTY's
 * winadj waits for it for ever), window changes and signals after the client has sent its EOF.
 */
export function mendChannelRequests(connection: Connection): void {
  const { _protocol: protocol, _chanMgr: channels } = inside(connection);
  const original = protocol._handlers['CHANNEL_REQUEST'] as unknown as (...values: unknown[]) => void;
  const handle = (of: Protocol, recipient: number, type: string, wantReply: boolean, data: unknown): void => {
    const session = channels.get(recipient) as LibrarySession | undefined;
    const started = session?._channel;
    if (session === undefined || started === undefined) return original(of, recipient, type, wantReply, data);
    if (started.outgoing.state === 'closing' || started.outgoing.state === 'closed') return;
    if (type === 'eow@openssh.com') session.emit('eow');
    else if (type === 'window-change') session.emit('window-change', undefined, undefined, data);
    else if (type === 'signal') session.emit('signal', undefined, undefined, { name: data });
    if (wantReply) protocol.channelFailure(started.outgoing.id);
  };
  (protocol._handlers as Record<string, unknown>)['CHANNEL_REQUEST'] = handle;
}

/**
 * To be called when a write is done: the library keeps what once waited for the window, and writes it a second time when the other
 * stream of the channel waits.
 */
export function forgetWritten(channel: unknown): void {
  const kept = channel as Record<'_chunk' | '_chunkcb' | '_chunkErr' | '_chunkcbErr', unknown>;
  kept._chunk = undefined;
  kept._chunkcb = undefined;
  kept._chunkErr = undefined;
  kept._chunkcbErr = undefined;
}

/** SSH_MSG_CHANNEL_REQUEST signal (RFC 4254, section 6.9), also after our EOF, where the library's own does nothing. */
export function sendSignal(channel: unknown, name: string): void {
  const { _client, outgoing } = channel as ChannelInside;
  if (outgoing.state !== 'open' && outgoing.state !== 'eof') return;
  send(
    _client._protocol,
    message(98),
    uint32(outgoing.id),
    sshString('signal'),
    Buffer.from([0]),
    sshString(name),
  );
}

/** While keys are exchanged the library keeps what is sent, without a bound. */
export const inKeyExchange = (of: Connection | Client): boolean =>
  (inside(of)._protocol as unknown as { _kexinit?: Buffer })._kexinit !== undefined;

/** New keys; the library never asks for them by itself. */
export function rekey(of: Connection | Client): void {
  inside(of)._protocol.rekey();
}

export const socketOf = (of: Connection | Client): Socket => (of as unknown as { _sock: Socket })._sock;

/** What the library would offer by default, without what is too weak (SHA-1). */
export const ALGORITHMS = {
  kex: [
    ...(postQuantum ? [HYBRID] : []),
    ...constants['DEFAULT_KEX']!.filter((name) => !name.endsWith('sha1')),
  ],
  hmac: constants['DEFAULT_MAC']!.filter((name) => !/sha1|md5/.test(name)),
  cipher: constants['DEFAULT_CIPHER']!.filter((name) => !/cbc|arcfour/.test(name)),
  serverHostKey: constants['DEFAULT_SERVER_HOST_KEY']!.filter((name) => name !== 'ssh-rsa'),
} as const;
