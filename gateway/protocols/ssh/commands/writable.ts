/**
 * Folders that clients may write (transfers of an exec-only list) must hold nothing that the list runs: what is put there would run, as a
 * program of the list, as the hook of a repository, or as a start file of the account.
 */
import { runsOthers } from './exec-only-programs.ts';
import type { CommandPattern } from './pattern.ts';
import { baseName } from '../shell/paths.ts';

const WRITES: ReadonlySet<string> = new Set(['@rsync-write', '@scp-write']);
const REPOSITORIES: ReadonlySet<string> = new Set(['@git-read', '@git-write']);
/** Folders in which a file runs by itself, sooner or later. */
const SYSTEM =
  /^\/(?:|etc|usr|bin|sbin|lib|lib32|lib64|boot|dev|proc|sys|run|root|home|home\/[^/]+|var\/spool|var\/lib|Users|Users\/[^/]+)$/;
const BELOW_SYSTEM = /^\/(?:etc|usr|bin|sbin|lib|lib32|lib64|boot|dev|proc|sys|root|var\/spool\/cron)\//;

/** The part of a folder before its first glob, without a slash at its end. */
const baseOf = (folder: string): string => {
  const [before = ''] = folder.split('*');
  return (before === folder ? folder : before.slice(0, before.lastIndexOf('/'))).replace(/\/+$/, '');
};
const overlap = (one: string, other: string): boolean =>
  one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);

export function checkWritable(patterns: readonly CommandPattern[]): readonly string[] {
  const folders = patterns
    .filter(({ program, args }) => WRITES.has(program) && args?.[0] !== undefined)
    .map(({ source, args }) => ({ source, base: baseOf(args![0]!) }));
  return folders.flatMap(({ source, base }) => {
    if (SYSTEM.test(base === '' ? '/' : base) || BELOW_SYSTEM.test(`${base}/`))
      return [
        `${source}: files there run by themselves (start files, units, schedules); name a folder of data`,
      ];
    return patterns.flatMap((pattern) => {
      const runs = runFrom(pattern).find((path) => overlap(baseOf(path), base));
      return runs === undefined
        ? []
        : [`${source}: clients could replace what "${pattern.source}" runs from there`];
    });
  });
}

/** Paths from which a pattern runs something, as far as its words say. */
function runFrom({ program, args, transfer }: CommandPattern): readonly string[] {
  if (transfer) return REPOSITORIES.has(program) ? [args?.[0] ?? '/'] : [];
  const own = program.startsWith('/') ? [program] : [];
  if (!runsOthers(baseName(program))) return own;
  const told = (args ?? []).flatMap((word) => /\/[^\s,;]*/.exec(word)?.[0] ?? []);
  return [...own, ...told.filter((path) => path.length > 1)];
}
