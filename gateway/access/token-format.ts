/**
 * A token as people and secret scanners see it:
 *
 *   cst_ | id: 26 of base32 (Crockford, lower case; a UUIDv7) | _ | secret: 32 of base62 | _ | checksum: 6 of base62
 *
 * The checksum is CRC-32 of all before its underscore: scanners tell a token from noise without asking anybody.
 */
import { crc32 } from 'node:zlib';

const BASE32 = '0123456789abcdefghjkmnpqrstvwxyz';
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SECRET_CHARS = 32;
const PATTERN = /^cst_([0-9a-hjkmnp-tv-z]{26})_([0-9A-Za-z]{32})_([0-9A-Za-z]{6})$/;

function encode(value: bigint, alphabet: string, length: number): string {
  const base = BigInt(alphabet.length);
  let text = '';
  for (let rest = value; text.length < length; rest /= base) text = alphabet[Number(rest % base)]! + text;
  return text;
}
const checksum = (head: string): string => encode(BigInt(crc32(head)), BASE62, 6);

/** Token ids grow with time, as the UUIDv7 that they are made of. */
export const tokenIdOf = (uuid: string): string =>
  encode(BigInt(`0x${uuid.replaceAll('-', '')}`), BASE32, 26);

/** `bytes` gives strong random bytes. */
export function makeToken(tokenId: string, bytes: (length: number) => Uint8Array): string {
  let secret = '';
  while (secret.length < SECRET_CHARS) {
    // Bytes past the last multiple of 62 would make some characters likelier.
    for (const byte of bytes(SECRET_CHARS))
      if (byte < 248 && secret.length < SECRET_CHARS) secret += BASE62[byte % 62]!;
  }
  const head = `cst_${tokenId}_${secret}`;
  return `${head}_${checksum(head)}`;
}

/** The token's public id; undefined for what is no token. */
export function parseToken(token: string): { tokenId: string } | undefined {
  const match = PATTERN.exec(token);
  if (match === null || checksum(token.slice(0, -7)) !== match[3]) return undefined;
  return { tokenId: match[1]! };
}
