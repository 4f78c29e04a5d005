/**
 * What goes to one side of a channel, in order, one write at a time: two streams of the library that both wait for the window
 * would each wait for ever.
 */
import type { Writable } from 'node:stream';
import { forgetWritten, isClosed } from '../library/internals.ts';
import type { Gate } from './gate.ts';

/** Bytes queued above which the source must stop. */
const QUEUED_BYTES_MAX = 256 * 1024;

export interface Outflow {
  /** False: stop the source until `onDrained`. */
  write(stream: Writable, bytes: Buffer): boolean;
  /** False while the source must stop. */
  readonly open: boolean;
  /** Does something when all before it has been written (or dropped). */
  afterwards(work: () => void): void;
  /** Drops what waits. */
  close(): void;
}

type Item = { readonly stream: Writable; readonly bytes: Buffer } | { readonly work: () => void };

/** `channelOf`: where it goes, once that is open. */
export function createOutflow(gate: Gate, channelOf: () => unknown, onDrained: () => void): Outflow {
  let queue: Item[] = [];
  let queuedBytes = 0;
  let writing = false;
  let over = false;
  let full = false;

  const pump = (): void => {
    while (!writing) {
      const item = queue[0];
      if (item === undefined) break;
      if ('work' in item) {
        queue.shift();
        item.work();
        continue;
      }
      const channel = channelOf();
      if (over || channel === undefined || isClosed(channel)) {
        queue.shift();
        queuedBytes -= item.bytes.length;
        continue;
      }
      writing = true;
      if (gate.blocked()) {
        gate.wait(goOn);
        return;
      }
      queue.shift();
      let waits = false;
      const written = (): void => {
        queuedBytes -= item.bytes.length;
        forgetWritten(channel);
        writing = false;
      };
      item.stream.write(item.bytes, () => {
        if (!waits) return;
        written();
        pump();
      });
      // The usual case: its window took all of it.
      if (item.stream.writableLength === 0) written();
      else waits = true;
    }
    if (full && queuedBytes <= QUEUED_BYTES_MAX / 2) {
      full = false;
      onDrained();
    }
  };
  function goOn(): void {
    writing = false;
    pump();
  }
  return {
    get open() {
      return !full;
    },
    write(stream, bytes) {
      if (over) return true;
      queue.push({ stream, bytes });
      queuedBytes += bytes.length;
      pump();
      full = queuedBytes > QUEUED_BYTES_MAX;
      return !full;
    },
    afterwards(work) {
      queue.push({ work });
      pump();
    },
    close() {
      over = true;
      const works = queue.filter((item) => 'work' in item);
      queue = [];
      writing = false;
      for (const { work } of works) work();
    },
  };
}
