/** Where a bundle comes from: a file that is read again when it has changed, or a server that is asked with the ETag it gave. */
import { readFileSync, statSync } from 'node:fs';
import type { Clock } from '../../../platform/clock/clock.ts';
import { bearer, createServerCaller } from '../http-call.ts';

export type Looked =
  | { readonly kind: 'same' }
  | { readonly kind: 'new'; readonly packed: Buffer }
  | { readonly kind: 'missing'; readonly reason: string };

export interface BundleSource {
  readonly place: string;
  /** Never rejects. */
  look(): Promise<Looked>;
  /** The last one was not usable: take it for new when it is asked for again. */
  forget(): void;
  close(): void;
}

/** Packed, it is not larger than unpacked. */
const SERVER_TIMEOUT_MS = 30_000;

export function createFileSource(file: string, bytesMax: number): BundleSource {
  let seen = '';
  return {
    place: file,
    look() {
      try {
        const { mtimeMs, size, ino } = statSync(file);
        const now = `${mtimeMs}/${size}/${ino}`;
        if (now === seen) return Promise.resolve({ kind: 'same' });
        if (size > bytesMax)
          return Promise.resolve({
            kind: 'missing',
            reason: `it is over ${bytesMax} bytes (bundleBytesMax)`,
          });
        const packed = readFileSync(file);
        seen = now;
        return Promise.resolve({ kind: 'new', packed });
      } catch (cause) {
        const reason = (cause as NodeJS.ErrnoException).code ?? (cause as Error).name;
        return Promise.resolve({ kind: 'missing', reason });
      }
    },
    forget: () => (seen = ''),
    close: () => undefined,
  };
}

export function createServerSource(
  clock: Clock,
  config: { readonly url: string; readonly caFile?: string; readonly bytesMax: number },
  token: () => Promise<string | null>,
): BundleSource {
  const { url, bytesMax, caFile } = config;
  const caller = createServerCaller(clock, {
    timeoutMs: SERVER_TIMEOUT_MS,
    answerBytesMax: bytesMax,
    connectionsMax: 1,
    ...(caFile === undefined ? {} : { caFile }),
  });
  let etag: string | null = null;
  return {
    place: url,
    async look() {
      const headers = { ...bearer(await token()), ...(etag === null ? {} : { 'if-none-match': etag }) };
      const answer = await caller.call(url, { headers });
      if (!answer.ok) return { kind: 'missing', reason: answer.reason };
      if (answer.status === 304) return { kind: 'same' };
      if (answer.status !== 200) return { kind: 'missing', reason: `HTTP ${answer.status}` };
      etag = answer.etag;
      return { kind: 'new', packed: answer.body };
    },
    forget: () => (etag = null),
    close: () => caller.close(),
  };
}
