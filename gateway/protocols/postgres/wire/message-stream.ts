/** Messages of a socket one at a time, for logins: small, whole, awaited. Hands the socket on when the login is over. */
import type { Socket } from 'node:net';
import { FrameReader } from './frame-reader.ts';

export interface Message {
  readonly type: number;
  readonly body: Buffer;
}

export type StreamEnd = { readonly ended: true; readonly reason: string };

export class MessageStream {
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #queue: Message[] = [];
  #waiting: ((message: Message | StreamEnd) => void) | undefined;
  #ended: StreamEnd | undefined;
  /** Bytes that came before the login was over; a bound, since nobody reads them meanwhile. */
  static readonly QUEUE_MAX = 256;

  /** Takes bytes of a socket; `lengthMax` bounds every message, `early` are bytes that were read already. */
  constructor(socket: Socket, lengthMax: number, early?: Buffer) {
    this.#socket = socket;
    this.#reader = new FrameReader({ lengthMax: () => lengthMax, streamed: () => false });
    socket.on('data', this.#onData);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
    socket.on('end', this.#onClose);
    if (early !== undefined && early.length > 0) this.#onData(early);
    socket.resume();
  }

  /** The next message, or why there is none. */
  next(): Promise<Message | StreamEnd> {
    const queued = this.#queue.shift();
    if (queued !== undefined) return Promise.resolve(queued);
    if (this.#ended !== undefined) return Promise.resolve(this.#ended);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** Ends waiting, for time-outs. */
  abort(reason: string): void {
    this.#finish(reason);
  }

  /** Lets go of the socket, paused; messages read too early come back as bytes. */
  release(): Buffer {
    this.#socket.pause();
    this.#socket.off('data', this.#onData);
    this.#socket.off('error', this.#onError);
    this.#socket.off('close', this.#onClose);
    this.#socket.off('end', this.#onClose);
    return Buffer.concat(
      this.#queue.map(({ type, body }) => {
        const header = Buffer.alloc(5);
        header[0] = type;
        header.writeUInt32BE(body.length + 4, 1);
        return Buffer.concat([header, body]);
      }),
    );
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#reader.push(chunk);
    while (this.#reader.next()) {
      const { type, buffer, start, end } = this.#reader;
      this.#deliver({ type, body: buffer.subarray(start + 5, end) });
    }
    if (this.#reader.error !== undefined) this.#finish(`message ${this.#reader.error.kind}`);
    else if (this.#queue.length > MessageStream.QUEUE_MAX) this.#finish('too many messages during login');
  };

  readonly #onError = (error: Error): void => this.#finish(error.message);
  readonly #onClose = (): void => this.#finish('the connection was closed');

  #deliver(message: Message): void {
    const waiting = this.#waiting;
    if (waiting === undefined) this.#queue.push(message);
    else {
      this.#waiting = undefined;
      waiting(message);
    }
  }

  #finish(reason: string): void {
    this.#ended ??= { ended: true, reason };
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(this.#ended);
  }
}
