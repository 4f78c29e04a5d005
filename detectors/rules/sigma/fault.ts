/**
 * A mistake in a rule file. Inside the compiler it travels as an exception (a parser has nothing sensible to return);
 * `compileRules` is the edge where it becomes a value.
 */
import { rulesError, type RuleErrorCode } from '../errors.ts';

/** What the writer of a rule gets to see. */
export interface RuleError {
  readonly code: RuleErrorCode;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly reason: string;
  /** Code's message, filled in. */
  readonly message: string;
}

export class RuleFault extends Error {
  readonly code: RuleErrorCode;
  readonly line: number;

  constructor(code: RuleErrorCode, line: number, reason: string) {
    super(reason);
    this.code = code;
    this.line = line;
  }
}

export function toRuleError(file: string, fault: RuleFault): RuleError {
  const { code, line, message: reason } = fault;
  return { code, file, line, reason, message: rulesError(code, { file, line, reason }).message };
}
