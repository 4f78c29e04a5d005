/** What the walk over a line gathers. Bounded; what does not fit makes the line opaque. */
import type {
  Argument,
  Destination,
  FileTouch,
  FileUse,
  Invocation,
  Opaque,
  OpaqueReason,
} from './command-line.ts';
import type { ActionKind } from './actions.ts';
import type { ShellLimits } from './limits.ts';

/** Something done beyond running a program and touching files. */
export interface Deed {
  readonly kind: ActionKind;
  readonly objectKind: string | null;
  readonly object: string | null;
  readonly whole: boolean;
}

export interface Found {
  readonly programs: Invocation[];
  /** Programs that another reading of the line would run (another shell, another case); for deny lists only. */
  readonly possible: Invocation[];
  readonly files: FileTouch[];
  readonly destinations: Destination[];
  readonly deeds: Deed[];
  readonly opaque: Opaque[];
  /** Texts that are secrets where they stand. */
  readonly secrets: Set<string>;
}

export const createFound = (): Found => ({
  programs: [],
  possible: [],
  files: [],
  destinations: [],
  deeds: [],
  opaque: [],
  secrets: new Set(),
});

/** Where in the line the walk is. */
export interface Scope {
  readonly depth: number;
  readonly through: readonly string[];
  readonly remote: string | null;
  readonly privileged: boolean;
  /** Invocation that runs what is walked now. */
  readonly parent: number | null;
  readonly stdin: Stdin;
}

/** What a program reads on its standard input. */
export type Stdin =
  | { readonly kind: 'client' }
  /** Known text: a here document, `echo ... |`. */
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'file'; readonly path: Argument }
  | { readonly kind: 'unknown' };

export const CLIENT_STDIN: Stdin = { kind: 'client' };
export const UNKNOWN_STDIN: Stdin = { kind: 'unknown' };

/** The walk as handlers of programs see it. */
export interface Walk {
  readonly limits: ShellLimits;
  readonly found: Found;
  /** A person types at the other end of a terminal: what a shell reads comes as lines of its own. */
  readonly interactive: boolean;
  /** The line goes on with the next one: what is missing at its end is no mistake. */
  readonly incomplete: boolean;
  /** Current folder, `~` at first; `?` where not known. */
  folder: string;
  /** Names of functions that the line defines. */
  readonly functions: Set<string>;
  /** Variables that this line gives values that arithmetic could run. */
  readonly tainted: Set<string>;
  /** Variables that arithmetic of this line reads. */
  readonly computed: Set<string>;
  /** Walks the text of a shell. */
  script(text: string, scope: Scope): void;
  /** Takes an argument vector for a program that is run. */
  run(argv: readonly Argument[], scope: Scope): void;
  opaque(reason: OpaqueReason, detail: string, by: number | null): void;
  file(path: Argument | string, use: FileUse, by: number | null, whole?: boolean): void;
  deed(kind: ActionKind, objectKind: string | null, object: string | null, whole?: boolean): void;
  destination(host: string, port?: number | null): void;
  secret(text: string): void;
}

const DETAIL_MAX = 120;

/** The gathering half of a walk. */
export function createGathering(
  found: Found,
  limits: ShellLimits,
  resolve: (path: string) => string,
): Pick<Walk, 'opaque' | 'file' | 'deed' | 'destination' | 'secret'> {
  const full = (list: readonly unknown[]): boolean => list.length >= limits.actionsMax;
  const opaque = (reason: OpaqueReason, detail: string, by: number | null): void => {
    const short = detail.slice(0, DETAIL_MAX);
    if (full(found.opaque)) return;
    if (found.opaque.some((one) => one.reason === reason && one.by === by && one.detail === short)) return;
    found.opaque.push({ reason, detail: short, by });
  };
  const bounded = <T>(list: T[], item: T): void => {
    if (full(list)) opaque('too complex', 'touches too much', null);
    else list.push(item);
  };
  return {
    opaque,
    file(path, use, by, whole = false) {
      const text = typeof path === 'string' ? path : path.text;
      if (text === '' || text === '-') return;
      const resolved =
        typeof path !== 'string' && path.sure === 'unknown' && !/^[~/]/.test(text)
          ? `?/${text}`
          : resolve(text);
      bounded(found.files, { path: resolved.slice(0, 512), use, whole, by });
    },
    deed: (kind, objectKind, object, whole = false) =>
      bounded(found.deeds, { kind, objectKind, object: object?.slice(0, 512) ?? null, whole }),
    destination: (host, port = null) => bounded(found.destinations, { host: host.slice(0, 255), port }),
    secret(text) {
      // A shorter text would be found everywhere in the line.
      if (text.length >= 1 && found.secrets.size < 64) found.secrets.add(text);
    },
  };
}
