/**
 * Cuts a byte stream into PostgreSQL messages (PostgreSQL: "Frontend/Backend Protocol", 54.1 and 54.7):
 *
 *     | type: 1 byte | length: 4 bytes, big-endian, counts itself and the body | body |
 *
 * Pull-based and without an object per message: `next()` sets `type`, `buffer`, `start`, `end`. Types for which `streamed` is
 * true may come in pieces as they arrive (rows, COPY data); all others come whole. A message's announced length is checked
 * before anything is kept, and memory grows only by bytes that have arrived.
 */
export interface FrameRules {
  /** Longest message of a type, bytes with the length field; below 4 the type is not allowed at all. */
  lengthMax(type: number): number;
  /** May the message be handed on in pieces? */
  streamed(type: number): boolean;
}

export type FrameError =
  | { readonly kind: 'unknown-type'; readonly type: number }
  | { readonly kind: 'too-long'; readonly type: number; readonly bytes: number; readonly bytesMax: number }
  | { readonly kind: 'too-short'; readonly type: number; readonly bytes: number };

const HEADER_BYTES = 5;
const EMPTY = Buffer.alloc(0);

export class FrameReader {
  /** The bytes that `start` and `end` point into. */
  buffer: Buffer = EMPTY;
  /** Where the message (or this piece of it) starts, header included. */
  start = 0;
  end = 0;
  type = 0;
  /** This piece begins a message. */
  first = true;
  /** This piece ends a message. */
  last = true;
  /** Set when the stream cannot be read further; `next()` is false from then on. */
  error: FrameError | undefined;
  readonly #rules: FrameRules;
  #position = 0;
  /** Bytes of a streamed message that have not come yet. */
  #remaining = 0;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Bytes that must be there before the waiting ones can be read. */
  #needed = 0;

  constructor(rules: FrameRules) {
    this.#rules = rules;
  }

  /** True between messages: the next byte from the peer starts a message. */
  get atBoundary(): boolean {
    return this.#remaining === 0 && this.#waitingBytes === 0 && this.#position >= this.buffer.length;
  }

  /** True while a streamed message has been handed on in part. */
  get midMessage(): boolean {
    return this.#remaining > 0;
  }

  /** Bytes kept that `next()` has not given out. */
  get unreadBytes(): number {
    return this.buffer.length - this.#position + this.#waitingBytes;
  }

  /** Adds bytes. Everything before must have been read (`next()` returned false). */
  push(chunk: Buffer): void {
    if (this.#position < this.buffer.length) {
      // Paused in the middle of a buffer: keep the unread rest in front.
      this.buffer = Buffer.concat([this.buffer.subarray(this.#position), chunk]);
      this.#position = 0;
      return;
    }
    if (this.#waitingBytes === 0) {
      this.buffer = chunk;
      this.#position = 0;
      return;
    }
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes < this.#needed) return;
    this.buffer = Buffer.concat(this.#waiting, this.#waitingBytes);
    this.#position = 0;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  /** Moves to the next message or piece; false when more bytes are needed or `error` is set. */
  next(): boolean {
    if (this.error !== undefined) return false;
    const { buffer } = this;
    const available = buffer.length - this.#position;
    if (available <= 0) return false;
    if (this.#remaining > 0) {
      this.#take(Math.min(available, this.#remaining));
      this.first = false;
      this.#remaining -= this.end - this.start;
      this.last = this.#remaining === 0;
      return true;
    }
    if (available < HEADER_BYTES) {
      // An unknown type is refused by its first byte: garbage is not waited for.
      const type = buffer[this.#position]!;
      if (this.#rules.lengthMax(type) < 4) {
        this.error = { kind: 'unknown-type', type };
        return false;
      }
      return this.#wait(HEADER_BYTES);
    }
    const type = buffer[this.#position]!;
    const length = buffer.readUInt32BE(this.#position + 1);
    const bytesMax = this.#rules.lengthMax(type);
    if (bytesMax < 4) this.error = { kind: 'unknown-type', type };
    else if (length < 4) this.error = { kind: 'too-short', type, bytes: length };
    else if (length > bytesMax) this.error = { kind: 'too-long', type, bytes: length, bytesMax };
    if (this.error !== undefined) return false;
    const total = length + 1;
    this.type = type;
    this.first = true;
    if (available >= total) {
      this.#take(total);
      this.last = true;
      return true;
    }
    if (!this.#rules.streamed(type)) return this.#wait(total);
    this.#take(available);
    this.#remaining = total - available;
    this.last = false;
    return true;
  }

  #take(bytes: number): void {
    this.start = this.#position;
    this.end = this.#position + bytes;
    this.#position = this.end;
  }

  /** Keeps the unread rest until `needed` bytes are there. */
  #wait(needed: number): false {
    this.#waiting = [this.buffer.subarray(this.#position)];
    this.#waitingBytes = this.buffer.length - this.#position;
    this.#needed = needed;
    this.buffer = EMPTY;
    this.#position = 0;
    return false;
  }
}
