/**
 * A file that tells whether it is whole:  "CSR1" 4 | SHA-256 of the content 32 | content. It is written under a temporary name, flushed,
 * read back and compared, and only then renamed.
 */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import type { Disk } from '../../disk/disk.ts';

const MAGIC = Buffer.from('CSR1');
const HEADER_BYTES = MAGIC.length + 32;

export const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** Returns false when what was read back differs; then nothing is left. Throws the disk's own errors, leaving nothing either. */
export async function writeSealed(
  disk: Disk,
  path: string,
  temporary: string,
  content: Uint8Array,
): Promise<boolean> {
  disk.remove(temporary);
  const digest = sha256(content);
  const file = disk.open(temporary);
  let whole = false;
  try {
    await file.appendAll([MAGIC, digest, content]);
    await file.flush();
    const back = await file.read(0, HEADER_BYTES + content.byteLength + 1);
    whole =
      back.length === HEADER_BYTES + content.byteLength &&
      back.subarray(MAGIC.length, HEADER_BYTES).equals(digest) &&
      sha256(back.subarray(HEADER_BYTES)).equals(digest);
  } finally {
    file.close();
    if (!whole) disk.remove(temporary);
  }
  if (!whole) return false;
  disk.rename(temporary, path);
  disk.syncFolder(dirname(path));
  return true;
}

export type SealedRead =
  | { readonly ok: true; readonly bytes: Buffer; readonly sha256: string }
  | { readonly ok: false; readonly reason: 'absent' | 'corrupt' };

export async function readSealed(disk: Disk, path: string): Promise<SealedRead> {
  if (!disk.exists(path)) return { ok: false, reason: 'absent' };
  let all: Buffer;
  try {
    const file = disk.open(path);
    try {
      all = await file.read(0, file.size());
    } finally {
      file.close();
    }
  } catch (error) {
    // A disk that cannot read this place must not hide the other chunks.
    if ((error as NodeJS.ErrnoException).code === 'EIO') return { ok: false, reason: 'corrupt' };
    throw error;
  }
  const content = all.subarray(HEADER_BYTES);
  const digest = sha256(content);
  if (!all.subarray(0, 4).equals(MAGIC) || !all.subarray(4, HEADER_BYTES).equals(digest))
    return { ok: false, reason: 'corrupt' };
  return { ok: true, bytes: content, sha256: digest.toString('hex') };
}

/** Size and digest as the header says, without reading the content. */
export async function readSeal(disk: Disk, path: string): Promise<{ bytes: number; sha256: string }> {
  const file = disk.open(path);
  try {
    const header = await file.read(0, HEADER_BYTES);
    return {
      bytes: Math.max(0, file.size() - HEADER_BYTES),
      sha256: header.subarray(MAGIC.length).toString('hex'),
    };
  } finally {
    file.close();
  }
}
