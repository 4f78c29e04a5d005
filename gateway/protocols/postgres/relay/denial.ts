/**
 * A denial makes the target itself fail at that place: it gets a text that is no statement and names the decision, and its
 * syntax error is replaced by ours. So transactions and pipelines end exactly as for an error of the target's own.
 */
import { redactTokens } from '../../../access/redact-tokens.ts';
import { sqlStateOfFault } from '../errors.ts';
import { decodeError } from '../wire/decode.ts';
import { FRONTEND } from '../wire/message-types.ts';
import { errorResponse, message, parse, query, SYNC } from '../wire/messages.ts';
import type { Denial } from './expectations.ts';

export function createDenial(decision: {
  readonly decisionId: string;
  readonly rule: string;
  readonly reason: string;
}): Denial {
  return {
    decisionId: decision.decisionId,
    rule: decision.rule,
    reason: decision.reason,
    marker: `countersign_denied_${decision.decisionId.replaceAll(/[^A-Za-z0-9]/g, '_')}`,
  };
}

/** As the target says it. */
export const CANCELLED = 'canceling statement due to user request';

/** A command that the client gave up before it was decided; it fails like any that is cancelled. */
export function createCancellation(requestId: string): Denial {
  return {
    ...createDenial({ decisionId: requestId, rule: 'cancelled', reason: CANCELLED }),
    cancelled: true,
  };
}

/**
 * A denied query that names what is not there: the target looks its names up, which runs nothing (the caller sees to `atParse`), and says so as it would to
 * anybody. Where the names have come into being meanwhile, what follows fails for the denial, and takes the unnamed statement
 * away, as a query does. `text` with its zero byte.
 */
export const askedForNames = (denial: Denial, text: Buffer): Buffer =>
  Buffer.concat([
    message(FRONTEND.parse, Buffer.concat([Buffer.alloc(1), text, Buffer.alloc(2)])),
    parse('', denial.marker),
    SYNC,
  ]);
export const mayAskForNames = (denial: Denial): boolean =>
  denial.cancelled !== true && sqlStateOfFault(denial.rule) === undefined;

export const deniedQuery = (denial: Denial): Buffer => query(denial.marker);
/** A named statement: a failing Parse of the unnamed one would drop the client's. */
export const deniedParse = (denial: Denial): Buffer => parse('countersign_denied', denial.marker);

export function denialResponse(denial: Denial): Buffer {
  if (denial.cancelled === true)
    return errorResponse({ severity: 'ERROR', sqlState: '57014', message: CANCELLED });
  // No policy, but what the gateway lacks now: the client may try again later.
  const fault = sqlStateOfFault(denial.rule);
  return errorResponse({
    severity: 'ERROR',
    sqlState: fault ?? '42501',
    message: fault === undefined ? `denied by policy: ${denial.reason}` : `refused: ${denial.reason}`,
    detail: `Rule "${denial.rule}": ${denial.reason}.`,
    hint: `Decision ${denial.decisionId}; name it when you ask why.`,
  });
}

/** Is this the error that the marker provoked? (In any language: by SQLSTATE and the marker itself.) */
export function isProvoked(denial: Denial, buffer: Buffer, start: number, end: number): boolean {
  const error = decodeError(buffer, start, end);
  return error.sqlState === '42601' && error.message.includes(denial.marker.slice(0, 60));
}

/** Message of the target without the values in it: data errors and syntax errors quote what the client sent. */
export function liftedMessage(sqlState: string, text: string): string {
  return sqlState.startsWith('22') || sqlState.startsWith('426')
    ? text.replaceAll(/"[^"]*"/g, '"?"').slice(0, 1024)
    : redactTokens(text.slice(0, 1024));
}
