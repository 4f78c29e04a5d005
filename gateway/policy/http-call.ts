/** Calls of one server (OPA, a bundle server, a collector of decision logs), in the words of the policy's errors. */
import type { Clock } from '../../platform/clock/clock.ts';
import { createHttpCaller, failureText, type HttpFailure } from '../../platform/network/http-caller.ts';
import { readTlsFiles } from '../../platform/network/tls-files.ts';

export interface ServerAnswer {
  readonly ok: true;
  readonly status: number;
  readonly etag: string | null;
  readonly body: Buffer;
}

export interface ServerCaller {
  /** Never rejects. */
  call(
    url: string,
    given?: { readonly headers?: Readonly<Record<string, string>>; readonly body?: Buffer | string },
  ): Promise<ServerAnswer | { readonly ok: false; readonly reason: string }>;
  close(): void;
}

export interface ServerCallerConfig {
  readonly caFile?: string;
  readonly timeoutMs: number;
  readonly answerBytesMax: number;
  readonly connectionsMax: number;
}

function reasonOf(failure: HttpFailure): string {
  if (failure.kind === 'large') return `its answer is over ${failure.bytesMax} bytes`;
  if (failure.kind === 'refused') return failure.error.code ?? failure.error.message;
  return failureText(failure);
}

/** Throws where the authority's file cannot be read. */
export function createServerCaller(clock: Clock, config: ServerCallerConfig): ServerCaller {
  const http = createHttpCaller(clock, { ...config, tls: readTlsFiles(config) });
  return {
    async call(url, given) {
      const answer = await http.call(url, given);
      if (!answer.ok) return { ok: false, reason: reasonOf(answer) };
      return { ok: true, status: answer.status, etag: answer.headers.etag ?? null, body: answer.body };
    },
    close: () => http.close(),
  };
}

export const bearer = (token: string | null): Readonly<Record<string, string>> =>
  token === null ? {} : { authorization: `Bearer ${token}` };
