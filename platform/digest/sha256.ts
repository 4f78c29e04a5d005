/** SHA-256 (FIPS 180-4) of something that is there as a whole; text is taken as UTF-8. */
import { hash } from 'node:crypto';

/** Also for the data path: a digest that comes as a string costs a third of one in a buffer of its own. */
export const sha256 = (data: string | Uint8Array): Buffer =>
  Buffer.from(hash('sha256', data, 'binary'), 'latin1');

/** In lower case; `digits` from its beginning, where that is unlikely enough to come twice. */
export const sha256Hex = (data: string | Uint8Array, digits = 64): string =>
  hash('sha256', data, 'hex').slice(0, digits);
