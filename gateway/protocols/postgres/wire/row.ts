/** DataRow: number of columns (int16); length (int32, -1: null) and bytes each. */
export function decodeRow(body: Buffer): string[] {
  const fields: string[] = [];
  let at = 2;
  while (at + 4 <= body.length) {
    const length = body.readInt32BE(at);
    at += 4;
    fields.push(length < 0 ? '' : body.toString('utf8', at, at + length));
    at += Math.max(0, length);
  }
  return fields;
}
