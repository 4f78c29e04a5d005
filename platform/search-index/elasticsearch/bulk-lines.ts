/** Entries of bulk requests, in one buffer outside the heap: a batch that waits for its answer costs the collector nothing. */
const FIRST_BYTES = 64 * 1024;
/** UTF-8 takes at most so many bytes for one unit of a string. */
const UNIT_BYTES_MAX = 3;

export class BulkLines {
  #bytes: Buffer;
  #end = 0;
  /** Where each entry begins. */
  readonly #starts: number[] = [];

  /** `bytes`: how much room there is at first. */
  constructor(bytes = 0) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, bytes));
  }

  get count(): number {
    return this.#starts.length;
  }

  /** Of all entries. */
  get byteLength(): number {
    return this.#end;
  }

  /** Adds an entry: its lines, with their ends. */
  add(text: string): void {
    this.#makeRoom(text.length * UNIT_BYTES_MAX);
    this.#starts.push(this.#end);
    this.#end += this.#bytes.write(text, this.#end);
  }

  /** Takes the last entry back. */
  undo(): void {
    this.#end = this.#starts.pop() ?? this.#end;
  }

  /** Puts one byte into the last entry. */
  setInLast(at: number, byte: number): void {
    this.#bytes[this.#starts.at(-1)! + at] = byte;
  }

  /** Bytes of the entries from `from` up to `to`. */
  bytesOf(from: number, to: number): number {
    return this.#startOf(to) - this.#startOf(from);
  }

  /** The entries from `from` up to `to`, as they are sent; nobody may write to them. */
  slice(from: number, to: number): Buffer {
    return this.#bytes.subarray(this.#startOf(from), this.#startOf(to));
  }

  /** These entries alone, in this order; itself where they are all. */
  pick(entries: readonly number[]): BulkLines {
    if (entries.length === this.count) return this;
    const picked = new BulkLines(entries.reduce((sum, entry) => sum + this.bytesOf(entry, entry + 1), 0));
    for (const entry of entries) {
      const bytes = this.slice(entry, entry + 1);
      picked.#starts.push(picked.#end);
      picked.#end += bytes.copy(picked.#bytes, picked.#end);
    }
    return picked;
  }

  #startOf(entry: number): number {
    return this.#starts[entry] ?? this.#end;
  }

  #makeRoom(count: number): void {
    if (this.#end + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#end + count));
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
  }
}

/** Entries without a document. */
export function bulkLinesOf(actions: readonly object[]): BulkLines {
  const lines = new BulkLines();
  for (const action of actions) lines.add(`${JSON.stringify(action)}\n`);
  return lines;
}
