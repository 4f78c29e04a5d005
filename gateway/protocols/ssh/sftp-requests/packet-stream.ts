/** Cuts a stream into whole packets, length word included. Holds at most one packet, copied once however small its pieces are. */
import { PACKET_BYTES_MAX } from './packet.ts';

export interface PacketStream {
  /** Whole packets that are there now, as views where the piece has all of one; `broken` where a length cannot be. */
  take(piece: Buffer): { readonly packets: readonly Buffer[]; readonly broken?: string };
}

const LENGTH_BYTES = 4;

export function createPacketStream(): PacketStream {
  /** The packet that has begun: its length word first, then all of it. */
  let begun: Buffer | null = null;
  let filled = 0;

  /** Bytes that the packet at the start of `bytes` has, length word included; -1 where that cannot be. */
  const sizeOf = (bytes: Buffer, at: number): number => {
    const length = bytes.readUInt32BE(at);
    return length === 0 || length + LENGTH_BYTES > PACKET_BYTES_MAX ? -1 : length + LENGTH_BYTES;
  };
  const wrong = (bytes: Buffer, at: number): string =>
    `a packet of ${bytes.readUInt32BE(at)} bytes was announced`;

  return {
    take(piece) {
      const packets: Buffer[] = [];
      let at = 0;
      while (at < piece.length) {
        if (begun === null) {
          const left = piece.length - at;
          const size = left >= LENGTH_BYTES ? sizeOf(piece, at) : 0;
          if (size === -1) return { packets, broken: wrong(piece, at) };
          if (size > 0 && left >= size) {
            packets.push(piece.subarray(at, at + size));
            at += size;
            continue;
          }
          begun = Buffer.allocUnsafe(size === 0 ? LENGTH_BYTES : size);
          filled = 0;
        }
        const copied = piece.copy(begun, filled, at, at + begun.length - filled);
        at += copied;
        filled += copied;
        if (filled < begun.length) continue;
        if (begun.length > LENGTH_BYTES) {
          packets.push(begun);
          begun = null;
          continue;
        }
        const size = sizeOf(begun, 0);
        if (size === -1) return { packets, broken: wrong(begun, 0) };
        const whole = Buffer.allocUnsafe(size);
        begun.copy(whole);
        begun = whole;
      }
      return { packets };
    },
  };
}
