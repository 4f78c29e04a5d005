/**
 * What the pure analysis of SSH (shell/, commands/, sftp-requests/, terminal/) gives to the data path (channels/). The analysis
 * knows nothing of sockets, sessions or policy: bytes and text go in, requests and what to do with the bytes come out.
 */
import type { Clock } from '../../../platform/clock/clock.ts';
import type { Action, ResponseStatus, RiskClass } from '../../../schemas/types.ts';

/** What one command line, shell line or SFTP operation does; the part of a RequestInput that analysis can know. */
export interface CommandAnalysis {
  /** The text with secrets lifted (a keyed HMAC stands in their place). */
  readonly text: string;
  readonly actions: readonly Action[];
  /** Paths, hosts and the like that it touches, as far as they are known; the actions name them, too. */
  readonly objects: readonly string[];
  readonly risk: RiskClass;
  /** Equal for commands that differ only in what is free to differ; null where nothing was understood. */
  readonly fingerprint: string | null;
  /** Programs that it runs, by base name, outermost first, also those run by others (`sudo`, `xargs`, `sh -c`). */
  readonly programs: readonly string[];
  /** Why it cannot be known what it does; null where it can. It has an `opaque_code` action then. */
  readonly opaque: string | null;
  /** Refused whatever policy says: not permitted on an exec-only connection, deny list, read-only SFTP. */
  readonly forcedDenial?: { readonly rule: string; readonly reason: string };
  /** What the client sends must not reach it: it may take commands on its standard input. */
  readonly withoutInput?: true;
}

/** Lists of a connection (options.commands); see docs/ssh-commands.md for the patterns. */
export interface CommandLists {
  /** Absent: everything that `deny` does not name. Patterns of a program, or of a program and its arguments. */
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

export interface AnalyseOptions {
  /** exec: an exec request; line: a line typed at a shell (may continue, may use history). */
  readonly kind: 'exec' | 'line';
  readonly lists: CommandLists;
  /**
   * The connection is exec-only: what cannot be known and programs that run others are refused by `forcedDenial`, unless `lists`
   * fixes their arguments.
   */
  readonly execOnly: boolean;
  /** Keyed HMAC for secrets in the text. */
  readonly hmac: (secret: string) => Buffer;
}

/** shell/analyse-command.ts: `createCommandAnalyser(): Promise<CommandAnalyser>` (loads its parser once). */
export interface CommandAnalyser {
  /** Never throws. A text that no shell reads is opaque. At most 64 KiB are looked at: beyond that it is opaque. */
  analyse(text: string, options: AnalyseOptions): CommandAnalysis;
  close?(): Promise<void>;
}

/** An SFTP operation that is a request of its own: open, opendir, remove, rename, mkdir, setstat, symlink, ... */
export interface SftpOperation {
  /** Grows with each; ends are reported by it. */
  readonly operation: number;
  /** open-read, open-write, readdir, remove, rename, ... (with `sftp` before it: the verb of the request). */
  readonly name: string;
  readonly analysis: CommandAnalysis;
}

/** What happens with bytes of the client, in order. */
export type SftpFromClient =
  /** Goes on as it is: belongs to an operation decided before (read, write, close on a handle), or asks for nothing (init). */
  | { readonly kind: 'pass'; readonly bytes: Buffer }
  /** Whole packet(s) of one operation: `bytes` go on when it is allowed, else `refusal` goes to the client instead. */
  | {
      readonly kind: 'request';
      readonly operation: SftpOperation;
      readonly bytes: Buffer;
      /** SSH_FXP_STATUS with SSH_FX_PERMISSION_DENIED and this message for the packet's id. Drops the operation. */
      refusal(message: string): Buffer;
    }
  /** Refused by the decoder itself (size budget used up): `reply` goes to the client, nothing to the target. */
  | { readonly kind: 'reply'; readonly reply: Buffer }
  /** Not SFTP (packet over 256 KiB + 1 KiB, unknown type before init, ...): the channel must end. */
  | { readonly kind: 'broken'; readonly reason: string };

/** How an operation ended: for files at their close, for the rest at the answer. */
export interface SftpEnd {
  readonly operation: number;
  readonly status: ResponseStatus;
  /** Bytes of file content that were read or written. */
  readonly bytes: number;
  /** Names that a directory listing gave. */
  readonly rows: number;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  /** SHA-256 of the content in the order it went by; null where there was none. */
  readonly digest: Buffer | null;
}

export interface SftpRequests {
  /** Any piece of the client's stream. Whole packets come out. */
  fromClient(bytes: Buffer): SftpFromClient[];
  /** Any piece of the target's stream: `bytes` (whole packets only, so that replies fit between) go to the client. */
  fromTarget(bytes: Buffer): {
    readonly bytes: Buffer[];
    readonly ended: readonly SftpEnd[];
    /** Not SFTP: the channel must end. */
    readonly broken?: string;
  };
  /** The channel is over: what is still open, with what it came to. */
  close(): readonly SftpEnd[];
}

export interface SftpOptions {
  /** Refuses what changes anything, by forcedDenial. */
  readonly readOnly: boolean;
  /** Patterns of paths; a path outside of `allow` or in `deny` is refused by forcedDenial. */
  readonly paths: CommandLists;
  /** Bytes of content that one channel may read and write together; null: no bound. */
  readonly bytesMax: number | null;
  /** Asked when content comes: a text where an operation may not have read so many bytes. The piece is refused then. */
  readonly readLimit?: (operation: number, bytes: number) => string | undefined;
}

/** sftp-requests/create-sftp-requests.ts: `createSftpRequests: CreateSftpRequests`. */
export type CreateSftpRequests = (options: SftpOptions) => SftpRequests;

/** What stands at the cursor when Enter is pressed. */
export interface TerminalLine {
  /** The line without its prompt, as far as the prompt is known. */
  readonly text: string;
  /**
   * shell: at a prompt. continuation: goes on with the line before (text is all of it). secret: the echo is off (a password; text is empty).
   * program: another program reads it (a REPL, an answer). screen: a full-screen program.
   */
  readonly context: 'shell' | 'continuation' | 'secret' | 'program' | 'screen';
  /** False where tab completion, Ctrl-R or missing echo leave doubt about the text. */
  readonly certain: boolean;
  /** The screen does not show what was typed: the shell may have lost a key, or not have read it yet. Where lists hold it is refused. */
  readonly unseen?: true;
}

export type TerminalInput =
  | { readonly kind: 'pass'; readonly bytes: Buffer }
  /**
   * Behind an interrupt: what comes next goes on when this resolves (a prompt stands there; bounded). `send` reaches the target: where it
   * does not show whether the shell has taken the interrupt, another one makes it.
   */
  | { readonly kind: 'wait'; ready(send: (bytes: Buffer) => void): Promise<void> }
  /** A byte (or bytes) that submits a line: forwarded only after `line()` was decided. */
  | {
      readonly kind: 'submit';
      readonly bytes: Buffer;
      /**
       * Call after everything before has been forwarded; waits (bounded, clock) until the echo of that has been shown. `send` reaches the
       * target: where keys that edit have no echo, a key and its removal tell whether the shell has read them.
       */
      line(send: (bytes: Buffer) => void): Promise<TerminalLine>;
    };

export interface TerminalLines {
  /** Bytes that the client got from the target. */
  output(bytes: Buffer): void;
  /** Bytes from the client, split at what submits a line; bracketed paste counts as typing. */
  input(bytes: Buffer): TerminalInput[];
  resize(columns: number, rows: number): void;
  /** Sent to the target instead of a denied line's Enter: drops the line that was typed. Reading it says that the line was denied. */
  readonly discard: Buffer;
  /** What stood before the line that was read last; to be shown again behind a denial. */
  readonly prompt?: string;
  /** Resolves when the target has answered `discard` (bounded): what is said to the client then stays where it is said. */
  settled?(): Promise<void>;
  close(): void;
}

/** terminal/create-terminal-lines.ts: `createTerminalLines: CreateTerminalLines`. */
export type CreateTerminalLines = (
  deps: { readonly clock: Clock },
  options: {
    readonly columns: number;
    readonly rows: number;
    /** Lists hold here: a line that the screen does not show is waited for, and says so. */
    readonly strict?: boolean;
  },
) => TerminalLines;

/** All of the analysis, as the listener loads it before the first client is taken. */
export interface SshAnalysis {
  readonly commands: CommandAnalyser;
  readonly createSftpRequests: CreateSftpRequests;
  readonly createTerminalLines: CreateTerminalLines;
}
