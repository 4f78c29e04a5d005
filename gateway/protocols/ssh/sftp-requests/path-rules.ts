/** Lists of paths: which the client may touch. By name only: links that lie on the target are not seen. */
import { matchesWord } from '../commands/pattern.ts';
import type { CommandLists } from '../analysis.ts';
import { resolvePath } from '../shell/paths.ts';

export interface PathRules {
  /** Why the path may not be touched; null where it may. `changes`: it, or what it stands for, would be another afterwards. */
  refuse(path: SeenPath, changes: boolean): string | null;
  /** The same for looking at attributes: folders above allowed ones may be looked at. */
  refuseLook(path: SeenPath): string | null;
}

export interface SeenPath {
  /** Absolute, or from the login folder (`~/x`). */
  readonly resolved: string;
  /** The login folder where it is known and the path was relative. */
  readonly absolute: string | null;
  /** Why the name cannot be trusted; null where it can. */
  readonly doubt: string | null;
}

/** A path as a client names it. */
export function seePath(raw: Buffer, home: string | null): SeenPath {
  const text = raw.toString('utf8');
  const doubt = text.includes('\0')
    ? 'a NUL in it'
    : text.includes('\ufffd')
      ? 'bytes that are no UTF-8'
      : text.split('/').includes('..')
        ? '..'
        : null;
  const resolved = resolvePath(text === '' ? '.' : text.startsWith('~') ? `./${text}` : text, '~');
  const absolute = resolved.startsWith('/')
    ? resolved
    : home === null
      ? null
      : resolvePath(resolved.replace(/^~\/?/, './'), home);
  return { resolved, absolute, doubt };
}

/** Patterns: `*` within a name, `**` for any number of folders; `/srv/**` is /srv, too. */
export function matchesPath(pattern: string, path: string): boolean {
  return match(pattern.split('/'), path.split('/'), false);
}

/** Whether the path is a folder above what the pattern names. */
const isAbove = (pattern: string, path: string): boolean =>
  match(pattern.split('/'), path === '/' ? [''] : path.split('/'), true);

const PARTS_MAX = 256;

function match(pattern: readonly string[], path: readonly string[], above: boolean): boolean {
  if (path.length > PARTS_MAX) return false;
  // Row by row: which places of the path the pattern's first parts may reach.
  let reached = new Set<number>([0]);
  for (const part of pattern) {
    const next = new Set<number>();
    for (const at of reached) {
      if (above && at === path.length) return true;
      if (part === '**') for (let to = at; to <= path.length; to++) next.add(to);
      else if (at < path.length && matchesWord(part, path[at]!)) next.add(at + 1);
    }
    reached = next;
    if (reached.size === 0) return false;
  }
  return !above && reached.has(path.length);
}

export function createPathRules(lists: CommandLists): PathRules {
  const { allow, deny = [] } = lists;
  const listed = allow !== undefined || deny.length > 0;
  const namesOf = ({ resolved, absolute }: SeenPath): string[] =>
    absolute === null || absolute === resolved ? [resolved] : [resolved, absolute];
  const common = (path: SeenPath): string | null => {
    if (path.doubt?.includes('NUL') === true) return `the path has ${path.doubt}`;
    if (!listed) return null;
    if (path.doubt !== null) return `the path has ${path.doubt}; name it plainly`;
    // A relative path may lie anywhere until the client has asked where it is.
    if (path.absolute === null && deny.some((pattern) => !pattern.startsWith('~')))
      return 'the login folder is not known yet; name the path from the root';
    return null;
  };
  const denied = (path: SeenPath): string | null =>
    deny.some((pattern) => namesOf(path).some((name) => matchesPath(pattern, name)))
      ? `${path.resolved} is on the deny list`
      : null;
  return {
    refuse(path, changes) {
      const early = common(path) ?? denied(path);
      if (early !== null) return early;
      if (changes && deny.some((pattern) => namesOf(path).some((name) => isAbove(pattern, name))))
        return `something below ${path.resolved} is on the deny list`;
      if (
        allow !== undefined &&
        !allow.some((pattern) => namesOf(path).some((name) => matchesPath(pattern, name)))
      )
        return `${path.resolved} is not on the allow list`;
      return null;
    },
    refuseLook(path) {
      const early = common(path) ?? denied(path);
      if (early !== null || allow === undefined) return early;
      return allow.some((pattern) =>
        namesOf(path).some((name) => matchesPath(pattern, name) || isAbove(pattern, name)),
      )
        ? null
        : `${path.resolved} is not on the allow list`;
    },
  };
}
