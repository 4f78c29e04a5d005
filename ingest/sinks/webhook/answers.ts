/** What an HTTP answer means for a batch. */
import type { SendOutcome } from '../sink.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The start of the body, for people. */
  readonly text: string;
}

/** Answers about us or about the address, not about what was sent: nothing in the batch could mend them. */
const NOT_ABOUT_THE_BATCH = new Set([
  401, 402, 403, 404, 405, 407, 408, 410, 421, 423, 425, 426, 429, 451, 511,
]);
/** Something between us and the receiver answered for it. */
const NOBODY_BEHIND = new Set([502, 503, 504]);
const TEXT_CHARS_MAX = 200;

/** Seconds or an HTTP date (RFC 9110, 10.2.3), as milliseconds from now. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

export function outcomeOf(answer: HttpAnswer, nowMs: number): SendOutcome {
  const { status } = answer;
  if (status >= 200 && status < 300) return { outcome: 'delivered' };
  const text = answer.text
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, TEXT_CHARS_MAX)
    .toWellFormed();
  const reason = `HTTP ${status}${text === '' ? '' : `: ${text}`}`;
  const wait = retryAfterMs(answer.retryAfter, nowMs);
  const failed = (cause: 'batch' | 'cut' | 'receiver', why = reason): SendOutcome => ({
    outcome: 'failed',
    cause,
    reason: why,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
  if (status < 400)
    return failed('receiver', `HTTP ${status}: redirects are refused; configure the address that it names`);
  if (status === 413) return { outcome: 'too-large', reason };
  if (NOT_ABOUT_THE_BATCH.has(status)) return failed('receiver');
  if (status < 500) return { outcome: 'refused', reason };
  if (NOBODY_BEHIND.has(status)) return failed(wait === undefined ? 'cut' : 'receiver');
  return failed('batch');
}
