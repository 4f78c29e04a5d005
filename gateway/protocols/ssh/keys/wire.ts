/** The data types of SSH (RFC 4251, section 5). */

/** string: length (uint32) and bytes. */
export function sshString(value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  const out = Buffer.allocUnsafe(4 + bytes.length);
  out.writeUInt32BE(bytes.length, 0);
  bytes.copy(out, 4);
  return out;
}

export function uint32(value: number): Buffer {
  const out = Buffer.allocUnsafe(4);
  out.writeUInt32BE(value, 0);
  return out;
}

export function uint64(value: bigint): Buffer {
  const out = Buffer.allocUnsafe(8);
  out.writeBigUInt64BE(value, 0);
  return out;
}

/** Reads one value after the other; every read gives undefined where the bytes do not suffice, from then on. */
export class SshReader {
  readonly #bytes: Buffer;
  #at = 0;
  #broken = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#broken ? 0 : this.#bytes.length - this.#at;
  }

  #take(length: number): Buffer | undefined {
    if (this.#broken || this.#bytes.length - this.#at < length) {
      this.#broken = true;
      return undefined;
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  uint32(): number | undefined {
    return this.#take(4)?.readUInt32BE(0);
  }

  uint64(): bigint | undefined {
    return this.#take(8)?.readBigUInt64BE(0);
  }

  string(): Buffer | undefined {
    const length = this.uint32();
    return length === undefined ? undefined : this.#take(length);
  }

  text(): string | undefined {
    return this.string()?.toString('utf8');
  }
}
