/** Codecs of record batches on node:zlib. Snappy and LZ4 are not there: nothing of ours writes them. */
import { gunzip, gzip, zstdCompress, zstdCompressSync, zstdDecompress, constants } from 'node:zlib';
import { gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib';
import { promisify } from 'node:util';

export type Compression = 'none' | 'gzip' | 'zstd';

/** Number of each codec in the attributes of a batch. */
export const CODEC_NUMBER: Readonly<Record<Compression, number>> = { none: 0, gzip: 1, zstd: 4 };
const CODEC_NAMES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** Up to this size the work is done at once: handing it to a thread costs more (about 0.1 ms). */
const AT_ONCE_BYTES_MAX = 64 * 1024;
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const GZIP = { level: 1 };
const zstdLater = promisify(zstdCompress);
const gzipLater = promisify(gzip);
const unzstdLater = promisify(zstdDecompress);
const gunzipLater = promisify(gunzip);

export function compress(codec: Compression, bytes: Buffer): Buffer | Promise<Buffer> {
  const small = bytes.length <= AT_ONCE_BYTES_MAX;
  if (codec === 'zstd') return small ? zstdCompressSync(bytes, ZSTD) : zstdLater(bytes, ZSTD);
  if (codec === 'gzip') return small ? gzipSync(bytes, GZIP) : gzipLater(bytes, GZIP);
  return bytes;
}

/** Throws where the codec is unknown, the bytes are damaged or they unpack to more than `bytesMax`. */
export function decompress(number: number, bytes: Buffer, bytesMax: number): Buffer | Promise<Buffer> {
  const options = { maxOutputLength: bytesMax };
  const small = bytes.length <= AT_ONCE_BYTES_MAX;
  if (number === CODEC_NUMBER.none) return bytes;
  if (number === CODEC_NUMBER.zstd)
    return small ? zstdDecompressSync(bytes, options) : unzstdLater(bytes, options);
  if (number === CODEC_NUMBER.gzip) return small ? gunzipSync(bytes, options) : gunzipLater(bytes, options);
  throw new Error(`compressed with ${CODEC_NAMES[number] ?? `codec ${number}`}, which is not supported`);
}
