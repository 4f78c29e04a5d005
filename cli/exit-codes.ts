/** Exit codes of every command (docs/cli.md). */
export const EXIT = {
  ok: 0,
  /** The call was understood and failed or was refused. */
  failed: 1,
  /** The words on the command line are wrong. */
  usage: 2,
  notFound: 3,
  /** No token, a wrong one, or one without the scope. */
  notAllowed: 4,
  /** Nobody answers at the control API's address. */
  unreachable: 5,
  /** Ctrl-C or SIGTERM. */
  interrupted: 130,
} as const;

/** An outcome that ends the command with a message and a code. */
export class CliError extends Error {
  readonly exitCode: number;
  readonly code: string;
  readonly hint: string;

  constructor(code: string, message: string, hint: string, exitCode: number) {
    super(message);
    this.name = 'CliError';
    this.code = code;
    this.hint = hint;
    this.exitCode = exitCode;
  }
}
