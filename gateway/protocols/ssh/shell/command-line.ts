/** What a command line turns out to be: the programs it runs, with what, and what cannot be known. */

/** One field of an argument vector. `pattern`: a glob, expanded by the target; `unknown`: only the target knows. */
export interface Argument {
  readonly text: string;
  readonly sure: 'known' | 'pattern' | 'unknown';
}

/** One program that the line runs. */
export interface Invocation {
  /** Last part of the path: `rm`. */
  readonly name: string;
  /** As written: `/bin/rm`, `./x`. */
  readonly path: string;
  readonly args: readonly Argument[];
  /** Programs that run this one, outermost first: `sudo`, `sh`. */
  readonly through: readonly string[];
  /** Host where it runs when it is not the target (`ssh host cmd`). */
  readonly remote: string | null;
  /** Runs as somebody else (sudo, su, doas). */
  readonly privileged: boolean;
  /** Position of the invocation that runs this one, in the list of all; null for what the shell runs itself. */
  readonly parent: number | null;
}

export type OpaqueReason =
  | 'does not parse'
  | 'too long'
  | 'too complex'
  | 'unusual characters'
  | 'command name is not known'
  | 'arguments of a program that runs others are not known'
  | 'code from standard input'
  | 'code of an interpreter'
  | 'code from a file'
  | 'eval of what is not known'
  | 'alias or redefinition'
  | 'environment that changes what runs'
  | 'arithmetic that may run code'
  | 'shells read it differently';

/** Something that the gateway cannot see into. `by`: the invocation that would run it, where there is one. */
export interface Opaque {
  readonly reason: OpaqueReason;
  readonly detail: string;
  readonly by: number | null;
}

export type FileUse = 'read' | 'write' | 'delete' | 'alter' | 'execute';

export interface FileTouch {
  /** Absolute, or from the login folder (`~/x`); `?` begins what is not known. */
  readonly path: string;
  readonly use: FileUse;
  /** Folder and everything below. */
  readonly whole: boolean;
  readonly by: number | null;
}

export interface Destination {
  readonly host: string;
  readonly port: number | null;
}
