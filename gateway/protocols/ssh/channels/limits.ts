/** What an answer may not pass (policy's limits), as far as SSH knows it: bytes. Rows are for protocols that have them. */
import type { Limits } from '../../../policy/decision.ts';

/** The limit that is broken if the answer and all answers of the session come to so many bytes; undefined where none is. */
export function brokenLimit(
  { bytesMax, sessionBytesMax }: Limits,
  answerBytes: number,
  sessionBytes: number,
): string | undefined {
  if (bytesMax !== undefined && answerBytes > bytesMax) return `more than ${bytesMax} bytes`;
  if (sessionBytesMax !== undefined && sessionBytes > sessionBytesMax)
    return `more than ${sessionBytesMax} bytes in this session`;
  return undefined;
}
