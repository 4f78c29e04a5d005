/** Makes packets as clients and servers do. */
export type Field = number | bigint | string | Buffer;

/** A packet of a type; numbers are 32 bits, bigints 64, text and buffers have their length before them. */
export function packet(type: number, ...fields: readonly Field[]): Buffer {
  const parts = fields.map((field) => {
    if (typeof field === 'number') {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(field);
      return bytes;
    }
    if (typeof field === 'bigint') {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64BE(field);
      return bytes;
    }
    const content = Buffer.from(field as string);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(content.length);
    return Buffer.concat([length, content]);
  });
  const body = Buffer.concat([Buffer.from([type]), ...parts]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}
