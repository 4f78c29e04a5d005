/** Bytes that nobody can read, for people: hexadecimal and ASCII, without what has the looks of a secret. */

const SHOWN_BYTES_MAX = 4096;
const LINE_BYTES = 16;

/**
 * Looks of secrets, on bytes taken as Latin-1. The first group, where there is one, stays. This is a net with holes: bytes that cannot
 * be read may hold a secret in any form.
 */
const SECRETS: readonly RegExp[] = [
  /(cst_[0-9a-hjkmnp-tv-z]{26}_)[0-9a-z_]+/gi,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END|$)/g,
  /\beyJ[\w-]{4,}\.[\w-]+\.[\w-]*/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\b(?:gh[pousr]_|glpat-|xox[abprs]-|sk-)[\w-]{10,}/g,
  /((?:bearer|basic)\s+)[\w.~+/=-]{6,}/gi,
  /([a-z][a-z0-9+.-]*:\/\/[^\s:/@]{0,128}:)[^\s@]{1,256}(?=@)/gi,
  /((?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|credential)s?["']?\s{0,8}(?:[:=]|\s|is|to)\s{0,8}["']?)[^\s"',;&]{1,256}/gi,
];

/** For each byte whether it must not be shown. */
function secretBytes(text: string): Uint8Array {
  const hidden = new Uint8Array(text.length);
  for (const pattern of SECRETS)
    for (const match of text.matchAll(pattern))
      hidden.fill(1, match.index + (match[1]?.length ?? 0), match.index + match[0].length);
  return hidden;
}

/** Lines of `OFFSET  HEX  |TEXT|`; the last one says how much is not shown. */
export function hexDump(bytes: Uint8Array): string[] {
  // A little further than what is shown, so that a secret at its end is seen for what it is.
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 2 * SHOWN_BYTES_MAX));
  const hidden = secretBytes(buffer.toString('latin1'));
  const shown = Math.min(buffer.length, SHOWN_BYTES_MAX);
  const lines: string[] = [];
  for (let at = 0; at < shown; at += LINE_BYTES) {
    const line = [...buffer.subarray(at, Math.min(at + LINE_BYTES, shown))];
    const hex = line.map((byte, index) =>
      hidden[at + index] === 1 ? '**' : byte.toString(16).padStart(2, '0'),
    );
    const text = line.map((byte, index) => {
      if (hidden[at + index] === 1) return '*';
      return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
    });
    lines.push(
      `${at.toString(16).padStart(8, '0')}  ${hex.join(' ').padEnd(LINE_BYTES * 3 - 1)}  |${text.join('')}|`,
    );
  }
  if (bytes.byteLength > shown) lines.push(`... and ${bytes.byteLength - shown} bytes more`);
  return lines;
}
