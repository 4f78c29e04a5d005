/** Errors that a user can meet: each has a code of the catalogue, what happened, and what to do. */

export interface ErrorDefinition {
  /** What happened, in one sentence; `{name}` is filled from the error's details. */
  readonly message: string;
  /** What to do about it, in one or two sentences; filled likewise. */
  readonly hint: string;
  /** HTTP status where the error leaves by the control API. */
  readonly status: number;
}

export type ErrorDefinitions = Readonly<Record<string, ErrorDefinition>>;
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>;

export class CountersignError extends Error {
  readonly code: string;
  readonly hint: string;
  readonly status: number;
  readonly details: ErrorDetails;

  constructor(code: string, definition: ErrorDefinition, details: ErrorDetails, cause?: unknown) {
    const filled = (text: string): string =>
      text.replace(/\{(\w+)\}/g, (placeholder, name: string) => String(details[name] ?? placeholder));
    const message = filled(definition.message);
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'CountersignError';
    this.code = code;
    this.hint = filled(definition.hint);
    this.status = definition.status;
    this.details = details;
  }
}

/**
 * Declares the errors of one room. Each room has one `errors.ts` that exports `definitions` and the maker; the catalogue
 * (main/error-catalogue.ts) gathers all definitions, and a test holds it against docs/errors.md.
 */
export function defineErrors<D extends ErrorDefinitions>(
  definitions: D,
): (code: keyof D & string, details?: ErrorDetails, cause?: unknown) => CountersignError {
  return (code, details = {}, cause) => new CountersignError(code, definitions[code]!, details, cause);
}

/** True for an error of the catalogue, with that code where one is given. */
export function isCountersignError(error: unknown, code?: string): error is CountersignError {
  return error instanceof CountersignError && (code === undefined || error.code === code);
}
