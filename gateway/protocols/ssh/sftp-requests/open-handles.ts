/** What is open or unanswered on one SFTP channel. Bounded: a client that opens more than a server would let it is refused. */
import { createHash, type Hash } from 'node:crypto';
import type { SftpEnd } from '../analysis.ts';
import type { ResponseStatus } from '../../../../schemas/types.ts';

export const HANDLES_MAX = 1024;
export const PENDING_MAX = 8192;

/** A file or folder between open and close; the operation is that of its open. */
export interface OpenHandle {
  readonly operation: number;
  readonly path: string;
  readonly name: string;
  bytes: number;
  rows: number;
  hash: Hash | null;
  /** Content bytes asked for and not there yet. */
  error: { code: string; message: string } | null;
}

export type Pending =
  | {
      readonly kind: 'operation';
      readonly operation: number;
      readonly opens: boolean;
      readonly path: string;
      readonly name: string;
    }
  | { readonly kind: 'read'; readonly handle: OpenHandle; readonly asked: number }
  | { readonly kind: 'list'; readonly handle: OpenHandle }
  | { readonly kind: 'write'; readonly handle: OpenHandle }
  | { readonly kind: 'close'; readonly handle: OpenHandle; readonly key: string }
  | { readonly kind: 'home' }
  | { readonly kind: 'other' };

export const openedHandle = (operation: number, path: string, name: string): OpenHandle => ({
  operation,
  path,
  name,
  bytes: 0,
  rows: 0,
  hash: null,
  error: null,
});

/** Counts content that went by. */
export function addContent(handle: OpenHandle, data: Buffer): void {
  handle.bytes += data.length;
  handle.hash ??= createHash('sha256');
  handle.hash.update(data);
}

export function endOf(handle: OpenHandle, status: ResponseStatus): SftpEnd {
  const { operation, bytes, rows, error, hash } = handle;
  return {
    operation,
    status: error !== null && status === 'ok' ? 'error' : status,
    bytes,
    rows,
    errorCode: error?.code ?? null,
    errorMessage: error?.message ?? null,
    digest: hash === null ? null : hash.copy().digest(),
  };
}

/** End of an operation without content. */
export const plainEnd = (
  operation: number,
  status: ResponseStatus,
  code: string | null,
  message: string | null,
): SftpEnd => ({
  operation,
  status,
  bytes: 0,
  rows: 0,
  errorCode: code,
  errorMessage: message,
  digest: null,
});
