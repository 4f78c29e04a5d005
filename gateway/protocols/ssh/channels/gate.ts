/**
 * Whether a peer takes more now. The library ignores what `socket.write` answers and keeps everything that is sent during a key
 * exchange, so whoever writes to a channel asks here first.
 */
import type { Socket } from 'node:net';
import type { Client, Connection } from 'ssh2';
import { inKeyExchange } from '../library/internals.ts';

/** Bytes that may wait in a socket. */
const BACKLOG_BYTES_MAX = 256 * 1024;

export interface Gate {
  blocked(): boolean;
  /** Calls back once, when it may be open again. */
  wait(open: () => void): void;
}

export function createGate(peer: Connection | Client, socket: Socket): Gate {
  // Bounded by the channels of the connection: each waits once for each direction.
  let waitingMax = new Set<() => void>();
  const wake = (): void => {
    const woken = waitingMax;
    waitingMax = new Set();
    for (const open of woken) open();
  };
  socket.on('drain', wake);
  socket.once('close', wake);
  (peer as Connection).on('handshake', wake);
  return {
    blocked: () => !socket.destroyed && (socket.writableLength > BACKLOG_BYTES_MAX || inKeyExchange(peer)),
    wait: (open) => void waitingMax.add(open),
  };
}
