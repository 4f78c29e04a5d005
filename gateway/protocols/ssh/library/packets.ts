/**
 * Packets in buffers that are used again: they are built and put together here, in place of the library, which makes a buffer for
 * each. For the ciphers of its native part; others stay as they are.
 */
import { randomFillSync } from 'node:crypto';
import type { Client, Connection } from 'ssh2';
import { lend, PACKET_BYTES, take, usedUp } from './buffers.ts';
import { inside, socketOf } from './internals.ts';

/** Smaller packets are left to the library. */
const REUSED_BYTES_MIN = 4096;
const TAG_BYTES = 16;
/** As the library has it (RFC 4253, section 6.1). */
const PACKET_BYTES_MAX = 35_000;
/** SSH_MSG_CHANNEL_WINDOW_ADJUST: read as numbers at once, nobody keeps it. */
const WINDOW_ADJUST = 93;

interface Cipher {
  allocPacket(payloadBytes: number): Buffer;
  _onWrite(packet: Buffer): void;
}
interface Decipher {
  inSeqno: number;
  readonly _instance: {
    decryptLen(length: Buffer, sequence: number): number;
    /** GCM: packet, length, tag; ChaCha20-Poly1305: packet, tag, sequence. */
    decrypt(packet: Buffer, second: number | Buffer, third: Buffer | number): void;
  };
  _onPayload(payload: Buffer): number | false | undefined;
  /** Returns where it stopped, if before the end. */
  decrypt(data: Buffer, at: number, end: number): number | undefined;
}

const padding = Buffer.alloc(4096);
let paddingUsed = padding.length;
/** RFC 4253, section 6: the padding should be random. */
function pad(packet: Buffer, at: number, length: number): void {
  if (paddingUsed + length > padding.length) {
    randomFillSync(padding);
    paddingUsed = 0;
  }
  packet.set(padding.subarray(paddingUsed, paddingUsed + length), at);
  paddingUsed += length;
}

/** Packet length u32 | padding length u8 | payload | padding | room for the tag (RFC 4253, section 6). */
function allocate(payloadBytes: number, blockBytes: number): Buffer {
  let padBytes = blockBytes - ((1 + payloadBytes) % blockBytes);
  if (padBytes < 4) padBytes += blockBytes;
  const bytes = 5 + payloadBytes + padBytes;
  const packet = take(PACKET_BYTES).subarray(0, bytes + TAG_BYTES);
  packet.writeUInt32BE(bytes - 4, 0);
  packet[4] = padBytes;
  pad(packet, 5 + payloadBytes, padBytes);
  return packet;
}

function mendCipher(peer: Connection | Client, cipher: Cipher, blockBytes: number): void {
  const socket = socketOf(peer);
  const original = cipher.allocPacket.bind(cipher);
  cipher.allocPacket = (payloadBytes) =>
    payloadBytes < REUSED_BYTES_MIN || payloadBytes + 64 > PACKET_BYTES
      ? original(payloadBytes)
      : allocate(payloadBytes, blockBytes);
  cipher._onWrite = (packet) => {
    if (!socket.writable || socket.readableEnded) return;
    if (packet.length < REUSED_BYTES_MIN) socket.write(packet);
    else
      socket.write(packet, (error) => {
        // After an error the socket may still have it.
        if (error === undefined || error === null) usedUp(packet);
      });
  };
}

function mendDecipher(decipher: Decipher, isGcm: boolean): void {
  const { _instance: instance } = decipher;
  const lengthWord = Buffer.alloc(4);
  let lengthBytes = 0;
  let length = 0;
  /** A packet that came in several reads, and its tag. */
  let begun: Buffer | undefined;
  let filled = 0;

  const readLength = (): number => {
    const found = isGcm ? lengthWord.readUInt32BE(0) : instance.decryptLen(lengthWord, decipher.inSeqno);
    const blockBytes = isGcm ? 16 : 8;
    if (found + TAG_BYTES > PACKET_BYTES_MAX || found < blockBytes || found % blockBytes !== 0)
      throw new Error(`Bad packet length: ${found}`);
    return found;
  };
  /** The whole packet with its tag, once it is there; and where the next one starts. */
  const collect = (
    data: Buffer,
    at: number,
    end: number,
  ): { readonly packet?: Buffer; readonly at: number } => {
    const bytes = length + TAG_BYTES;
    if (begun === undefined) {
      if (end - at >= bytes) return { packet: data.subarray(at, at + bytes), at: at + bytes };
      begun = bytes < REUSED_BYTES_MIN ? Buffer.allocUnsafe(bytes) : take(PACKET_BYTES).subarray(0, bytes);
      filled = 0;
    }
    const copied = data.copy(begun, filled, at, Math.min(end, at + bytes - filled));
    filled += copied;
    return filled < bytes ? { at: at + copied } : { packet: begun, at: at + copied };
  };
  decipher.decrypt = (data, from, end) => {
    let at = from;
    while (at < end) {
      if (lengthBytes < 4) {
        while (lengthBytes < 4 && at < end) lengthWord[lengthBytes++] = data[at++]!;
        if (lengthBytes < 4) return undefined;
        length = readLength();
      }
      const found = collect(data, at, end);
      at = found.at;
      if (found.packet === undefined) return undefined;
      const own = begun;
      begun = undefined;
      lengthBytes = 0;
      const packet = found.packet.subarray(0, length);
      const tag = found.packet.subarray(length);
      if (isGcm) instance.decrypt(packet, length, tag);
      else instance.decrypt(packet, tag, decipher.inSeqno);
      decipher.inSeqno = (decipher.inSeqno + 1) >>> 0;
      const payload = packet.subarray(1, length - packet[0]!);
      const answer = decipher._onPayload(payload[0] === WINDOW_ADJUST ? payload : lend(payload));
      if (own !== undefined) usedUp(own);
      if (answer !== undefined) return answer === false ? at : answer;
    }
    return undefined;
  };
}

/** Calls back with all that the property is set to from now on. */
function follow<T extends object>(of: object, property: string, mend: (value: T) => void): void {
  let value = (of as Record<string, T>)[property];
  const set = (given: T): void => {
    value = given;
    mend(given);
  };
  Object.defineProperty(of, property, { configurable: true, get: () => value, set });
}

/** To be called before the first key exchange. `onDecipher` hears of each cipher whether what was read may be used again. */
export function reusePackets(
  peer: Connection | Client,
  onDecipher: (mayReuse: boolean) => void = () => undefined,
): void {
  const protocol = inside(peer)._protocol;
  follow<Cipher>(protocol, '_cipher', (cipher) => {
    const name = cipher.constructor.name;
    if (name === 'AESGCMCipherBinding') mendCipher(peer, cipher, 16);
    else if (name === 'ChaChaPolyCipherBinding') mendCipher(peer, cipher, 8);
  });
  follow<Decipher>(protocol, '_decipher', (decipher) => {
    const name = decipher.constructor.name;
    const isGcm = name === 'AESGCMDecipherBinding';
    const isKnown = isGcm || name === 'ChaChaPolyDecipherBinding';
    if (isKnown) mendDecipher(decipher, isGcm);
    onDecipher(isKnown);
  });
}
