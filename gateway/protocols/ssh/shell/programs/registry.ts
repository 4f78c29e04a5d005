/** Which handler knows which program; one line for each file of handlers. */
import type { Handler } from './handler.ts';
import { BUILTINS } from './builtins.ts';
import { CONTAINERS } from './containers.ts';
import { DATABASES } from './databases.ts';
import { FETCHERS } from './fetchers.ts';
import { FILES } from './files.ts';
import { INTERPRETERS } from './interpreters.ts';
import { PACKERS } from './packers.ts';
import { PLAIN_WRAPPERS } from './plain-wrappers.ts';
import { REMOTES } from './remotes.ts';
import { RUNNERS } from './runners.ts';
import { SEARCHERS } from './searchers.ts';
import { SHELLS } from './shells.ts';
import { SYSTEM } from './system.ts';
import { VERSIONING } from './versioning.ts';
import { WRAPPERS } from './wrappers.ts';

const HANDLERS: ReadonlyMap<string, Handler> = new Map(
  [
    BUILTINS,
    CONTAINERS,
    DATABASES,
    FETCHERS,
    FILES,
    INTERPRETERS,
    PACKERS,
    PLAIN_WRAPPERS,
    REMOTES,
    RUNNERS,
    SEARCHERS,
    SHELLS,
    SYSTEM,
    VERSIONING,
    WRAPPERS,
  ].flatMap((handlers) => Object.entries(handlers)),
);

/** `python3.12`, `perl5.36`, `lua5.4`, `vim.tiny` are what they are without the version. */
export function plainName(name: string): string {
  if (/^ld(-linux[\w.-]*|-musl[\w.-]*)?\.so(\.\d+)*$/.test(name)) return 'ld.so';
  return (
    /^(?:[\w]+-(?:pc-)?linux-(?:gnu|musl)[\w]*-)?(python|pypy|perl|lua|luajit|ruby|irb|php|node|tclsh|wish|guile|gcc|g\+\+|cpp|clang|clang\+\+|ld|as|vim|bash|zsh|ksh|gawk|nc|mawk|emacs|pip|gem|erl|ghc|ghci|java|psql|gdb|ansible|make|m4|automake|autoconf|aclocal)[-\d.]*(\.(basic|tiny|nox|gtk3|openbsd|traditional))?$/.exec(
      name,
    )?.[1] ?? name
  );
}

export function handlerOf(name: string): Handler | undefined {
  return HANDLERS.get(name) ?? HANDLERS.get(plainName(name));
}
