/** A socket that is read into buffers which are used again, many packets at a time. */
import { Socket } from 'node:net';
import { keep, READ_BYTES, take, usedUp } from './buffers.ts';

/** An idle connection has no more than this. */
const SMALL_BYTES = 16 * 1024;
/** Less is copied, so that a few bytes do not hold a whole buffer. */
const COPIED_BYTES_MAX = 8 * 1024;

export interface Reads {
  readonly socket: Socket;
  /** Whether those who get what is read keep nothing of it but what was lent to them; not at first. */
  reuse(may: boolean): void;
  /** What is written to this socket while one read is worked through goes out as one. */
  gather(into: Socket): void;
}

export function createReads(): Reads {
  const small = Buffer.allocUnsafeSlow(SMALL_BYTES);
  let buffer: Buffer = small;
  let mayReuse = false;
  let output: Socket | undefined;

  /** Hands the read on; true where all of the buffer was filled, or much of it. */
  const workThrough = (count: number): boolean => {
    const bytes = buffer.subarray(0, count);
    if (buffer === small || count < COPIED_BYTES_MAX) {
      socket.emit('data', Buffer.from(bytes));
      return count >= (buffer === small ? SMALL_BYTES : COPIED_BYTES_MAX);
    }
    output?.cork();
    socket.emit('data', bytes);
    output?.uncork();
    return true;
  };
  const socket = new Socket({
    onread: {
      buffer: () => buffer,
      callback(count) {
        const isMuch = workThrough(count);
        if (buffer !== small) usedUp(buffer);
        if (!isMuch) buffer = small;
        else buffer = mayReuse ? take(READ_BYTES) : Buffer.allocUnsafeSlow(READ_BYTES);
        return true;
      },
    },
  });
  return {
    socket,
    reuse(may) {
      mayReuse = may;
      if (!may) keep(buffer);
    },
    gather(into) {
      output = into;
    },
  };
}
