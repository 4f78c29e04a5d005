/** The primitive types of Kafka's protocol, versions before "flexible" (https://kafka.apache.org/protocol#protocol_types). */

const FIRST_BYTES = 256;

export interface ByteWriter {
  int8(value: number): ByteWriter;
  int16(value: number): ByteWriter;
  int32(value: number): ByteWriter;
  int64(value: number | bigint): ByteWriter;
  boolean(value: boolean): ByteWriter;
  string(value: string | null): ByteWriter;
  bytes(value: Uint8Array): ByteWriter;
  array<T>(items: readonly T[], write: (item: T) => void): ByteWriter;
  /** As they are, without a length. */
  raw(value: Uint8Array): ByteWriter;
  done(): Buffer;
}

export function createWriter(): ByteWriter {
  let buffer = Buffer.allocUnsafe(FIRST_BYTES);
  let at = 0;
  const room = (bytes: number): number => {
    if (at + bytes > buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, at + bytes));
      buffer.copy(larger, 0, 0, at);
      buffer = larger;
    }
    at += bytes;
    return at - bytes;
  };
  const writer: ByteWriter = {
    int8(value) {
      buffer.writeInt8(value, room(1));
      return writer;
    },
    int16(value) {
      const start = room(2);
      buffer.writeInt16BE(value, start);
      return writer;
    },
    int32(value) {
      const start = room(4);
      buffer.writeInt32BE(value, start);
      return writer;
    },
    int64(value) {
      const start = room(8);
      buffer.writeBigInt64BE(BigInt(value), start);
      return writer;
    },
    boolean: (value) => writer.int8(value ? 1 : 0),
    string(value) {
      if (value === null) return writer.int16(-1);
      const bytes = Buffer.byteLength(value);
      writer.int16(bytes);
      const start = room(bytes);
      buffer.write(value, start);
      return writer;
    },
    bytes: (value) => writer.int32(value.length).raw(value),
    array(items, write) {
      writer.int32(items.length);
      for (const item of items) write(item);
      return writer;
    },
    raw(value) {
      const start = room(value.length);
      buffer.set(value, start);
      return writer;
    },
    done: () => buffer.subarray(0, at),
  };
  return writer;
}

export interface ByteReader {
  int8(): number;
  int16(): number;
  int32(): number;
  /** As a number: offsets and times stay far below 2^53. */
  int64(): number;
  bigint64(): bigint;
  boolean(): boolean;
  string(): string | null;
  /** A view, not a copy; empty for null. */
  bytes(): Buffer;
  array<T>(read: () => T): T[];
}

export function createReader(buffer: Buffer): ByteReader {
  let at = 0;
  const reader: ByteReader = {
    int8: () => buffer.readInt8((at += 1) - 1),
    int16: () => buffer.readInt16BE((at += 2) - 2),
    int32: () => buffer.readInt32BE((at += 4) - 4),
    int64: () => Number(buffer.readBigInt64BE((at += 8) - 8)),
    bigint64: () => buffer.readBigInt64BE((at += 8) - 8),
    boolean: () => reader.int8() !== 0,
    string() {
      const length = reader.int16();
      if (length < 0) return null;
      at += length;
      return buffer.toString('utf8', at - length, at);
    },
    bytes() {
      const length = Math.max(0, reader.int32());
      at += length;
      return buffer.subarray(at - length, at);
    },
    array(read) {
      const length = Math.max(0, reader.int32());
      const items: ReturnType<typeof read>[] = [];
      for (let index = 0; index < length; index += 1) items.push(read());
      return items;
    },
  };
  return reader;
}
