/**
 * A file that tells whether it is whole:  "CSR1" 4 | SHA-256 of the content 32 | content. It is written under a temporary name, flushed,
 * read back and compared, and only then renamed. A file that was there already has it at its end:  content | SHA-256 32 | "CSR2" 4.
 */
import { dirname } from 'node:path';
import { sha256 } from '../../digest/sha256.ts';
import type { Disk } from '../../disk/disk.ts';

const MAGIC = Buffer.from('CSR1');
const END_MAGIC = Buffer.from('CSR2');
const HEADER_BYTES = MAGIC.length + 32;

/** `digest` is the content's. Returns false when what was read back differs; then nothing is left. Throws the disk's own errors, leaving nothing either. */
export async function writeSealed(
  disk: Disk,
  path: string,
  temporary: string,
  content: Uint8Array,
  digest: Buffer,
): Promise<boolean> {
  disk.remove(temporary);
  const file = disk.open(temporary);
  let whole = false;
  try {
    await file.appendAll([MAGIC, digest, content]);
    await file.flush();
    const back = await file.read(0, HEADER_BYTES + content.byteLength + 1);
    whole =
      back.length === HEADER_BYTES + content.byteLength &&
      back.subarray(MAGIC.length, HEADER_BYTES).equals(digest) &&
      back.subarray(HEADER_BYTES).equals(content);
  } finally {
    file.close();
    if (!whole) disk.remove(temporary);
  }
  if (!whole) return false;
  disk.rename(temporary, path);
  disk.syncFolder(dirname(path));
  return true;
}

/** Seals a file that holds the content, and gives it its name. False: it is on another file system, or not what it should be. */
export async function adoptSealed(
  disk: Disk,
  path: string,
  from: string,
  content: { readonly bytes: number; readonly sha256: string },
): Promise<boolean> {
  const file = disk.open(from);
  try {
    if (file.size() !== content.bytes) return false;
    await file.appendAll([Buffer.from(content.sha256, 'hex'), END_MAGIC]);
    try {
      await file.flush();
      disk.rename(from, path);
    } catch (error) {
      file.truncate(content.bytes);
      if ((error as NodeJS.ErrnoException).code === 'EXDEV') return false;
      throw error;
    }
  } finally {
    file.close();
  }
  disk.syncFolder(dirname(path));
  return true;
}

/** Content and digest of a sealed file; undefined where it is none. */
function split(all: Buffer): { readonly content: Buffer; readonly digest: Buffer } | undefined {
  if (all.length < HEADER_BYTES) return undefined;
  if (all.subarray(0, MAGIC.length).equals(MAGIC))
    return { content: all.subarray(HEADER_BYTES), digest: all.subarray(MAGIC.length, HEADER_BYTES) };
  const end = all.length - HEADER_BYTES;
  if (!all.subarray(-END_MAGIC.length).equals(END_MAGIC)) return undefined;
  return { content: all.subarray(0, end), digest: all.subarray(end, -END_MAGIC.length) };
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
  const found = split(all);
  if (found === undefined || !sha256(found.content).equals(found.digest))
    return { ok: false, reason: 'corrupt' };
  return { ok: true, bytes: found.content, sha256: found.digest.toString('hex') };
}

/** Size and digest as the file says, without reading the content. */
export async function readSeal(disk: Disk, path: string): Promise<{ bytes: number; sha256: string }> {
  const file = disk.open(path);
  try {
    const bytes = Math.max(0, file.size() - HEADER_BYTES);
    const header = await file.read(0, HEADER_BYTES);
    if (header.subarray(0, MAGIC.length).equals(MAGIC))
      return { bytes, sha256: header.subarray(MAGIC.length).toString('hex') };
    const end = await file.read(bytes, HEADER_BYTES);
    return { bytes, sha256: end.subarray(0, -END_MAGIC.length).toString('hex') };
  } finally {
    file.close();
  }
}
