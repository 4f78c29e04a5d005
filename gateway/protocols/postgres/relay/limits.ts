/** What an answer may not pass: which limit the next row would break, and what the client hears then. */
import type { Limits } from '../../../policy/decision.ts';
import type { GateDecision } from '../../../sessions/session.ts';
import { errorResponse } from '../wire/messages.ts';

/** Limits of one request with the decision that set them. */
export interface Bounds extends Limits {
  readonly decisionId: string;
  readonly rule: string;
  readonly reason: string;
}

/** What has come to the client so far. */
export interface Passed {
  readonly rows: number;
  readonly bytes: number;
}

export const boundsOf = ({ limits, decisionId, rule, reason }: GateDecision): Bounds | null =>
  limits === undefined ? null : { ...limits, decisionId, rule, reason };

/** The limit that is broken if `answer` and `session` have come to that; undefined where none is. */
export function brokenLimit(bounds: Bounds, answer: Passed, session: Passed): string | undefined {
  const { rowsMax, bytesMax, sessionRowsMax, sessionBytesMax } = bounds;
  if (rowsMax !== undefined && answer.rows > rowsMax) return `more than ${rowsMax} rows`;
  if (bytesMax !== undefined && answer.bytes > bytesMax) return `more than ${bytesMax} bytes`;
  if (sessionRowsMax !== undefined && session.rows > sessionRowsMax)
    return `more than ${sessionRowsMax} rows in this session`;
  if (sessionBytesMax !== undefined && session.bytes > sessionBytesMax)
    return `more than ${sessionBytesMax} bytes in this session`;
  return undefined;
}

/** program_limit_exceeded (PostgreSQL: appendix A). */
export const CUT_OFF_SQLSTATE = '54000';

export const cutOffMessage = (limit: string): string => `answer cut off by policy: ${limit}`;

export function cutOffResponse(bounds: Bounds, limit: string): Buffer {
  return errorResponse({
    severity: 'ERROR',
    sqlState: CUT_OFF_SQLSTATE,
    message: cutOffMessage(limit),
    detail: `Rule "${bounds.rule}": ${bounds.reason}. The statement is cancelled in the target; where it had ended before, what it wrote stands.`,
    hint: `Ask for less (LIMIT, a narrower WHERE). Decision ${bounds.decisionId}; name it when you ask why.`,
  });
}
