/** Splits a stream of bytes into lines with bounded memory. */
export type Line =
  | { readonly number: number; readonly text: string }
  /** Longer than the bound; its bytes were passed over. */
  | { readonly number: number; readonly tooLong: true };

const NEWLINE = 0x0a;

/** Lines end with LF or CRLF; the last one may lack it. Numbers count from 1. A byte order mark at the start is dropped. */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  lineBytesMax: number,
): AsyncGenerator<Line, void, undefined> {
  let pieces: Uint8Array[] = [];
  let held = 0;
  let number = 0;

  const take = (): Line => {
    number += 1;
    const bytes = Buffer.concat(pieces);
    const tooLong = held > lineBytesMax;
    pieces = [];
    held = 0;
    if (tooLong) return { number, tooLong: true };
    const text = bytes.toString().replace(/\r$/, '');
    return { number, text: number === 1 ? text.replace(/^\ufeff/, '') : text };
  };
  const hold = (piece: Uint8Array): void => {
    if (piece.length === 0) return;
    held += piece.length;
    if (held <= lineBytesMax) pieces.push(piece);
    else pieces = [];
  };

  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE, start); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      hold(chunk.subarray(start, end));
      yield take();
      start = end + 1;
    }
    hold(chunk.subarray(start));
  }
  if (held > 0) yield take();
}
