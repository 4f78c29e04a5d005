/**
 * Gathers what goes to a socket during one round of reading and writes it at once. Messages passed on unchanged stay slices of
 * the buffer they came in, and neighbours are joined into one slice.
 */
import type { Socket } from 'node:net';

export class Outlet {
  readonly #socket: Socket;
  #buffer: Buffer | undefined;
  #start = 0;
  #end = 0;
  #pieces: Buffer[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Passes on a part of a buffer as it is. The buffer must not change afterwards. */
  forward(buffer: Buffer, start: number, end: number): void {
    if (this.#buffer === buffer && this.#end === start) {
      this.#end = end;
      return;
    }
    this.#seal();
    this.#buffer = buffer;
    this.#start = start;
    this.#end = end;
  }

  /** Adds bytes of our own. */
  insert(bytes: Buffer): void {
    this.#seal();
    this.#pieces.push(bytes);
  }

  /** Writes what was gathered. */
  flush(): void {
    this.#seal();
    const pieces = this.#pieces;
    if (pieces.length === 0) return;
    this.#pieces = [];
    if (this.#socket.destroyed) return;
    if (pieces.length === 1) {
      this.#socket.write(pieces[0]!);
      return;
    }
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.uncork();
  }

  #seal(): void {
    if (this.#buffer === undefined) return;
    this.#pieces.push(
      this.#start === 0 && this.#end === this.#buffer.length
        ? this.#buffer
        : this.#buffer.subarray(this.#start, this.#end),
    );
    this.#buffer = undefined;
  }
}
