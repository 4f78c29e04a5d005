/** An SFTP operation in the words that command lines have, too: actions, risk, text. */
import { createHash } from 'node:crypto';
import type { CommandAnalysis } from '../analysis.ts';
import { actionsOf } from '../shell/analyse-command.ts';
import { createFound } from '../shell/found.ts';
import { DEFAULT_LIMITS } from '../shell/limits.ts';

export interface DescribedOperation {
  readonly name: string;
  readonly paths: readonly {
    readonly path: string;
    readonly use: 'read' | 'write' | 'delete' | 'alter' | 'list' | 'look';
  }[];
  readonly permissions: number | null;
  /** An extension that is not known. */
  readonly opaque: string | null;
  readonly refused: { readonly rule: string; readonly reason: string } | null;
}

const SETUID = 0o6000;
const PATH_LENGTH_MAX = 512;

/** Text of a path for events: no control characters, bounded. */
const shown = (path: string): string =>
  // eslint-disable-next-line no-control-regex
  path
    .replaceAll(/[^\P{C}]/gu, (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`)
    .slice(0, PATH_LENGTH_MAX);

export function describeOperation({
  name,
  paths,
  permissions,
  opaque,
  refused,
}: DescribedOperation): CommandAnalysis {
  const found = createFound();
  for (const { path, use } of paths) {
    if (use === 'list' || use === 'look')
      found.deeds.push({
        kind: use === 'list' ? 'read' : 'discover',
        objectKind: use === 'list' ? 'folder' : 'file',
        object: shown(path),
        whole: false,
      });
    else found.files.push({ path: shown(path), use, whole: false, by: null });
    if (permissions !== null && (permissions & SETUID) !== 0)
      found.deeds.push({ kind: 'persistence', objectKind: 'setuid', object: shown(path), whole: false });
  }
  if (opaque !== null) found.opaque.push({ reason: 'does not parse', detail: opaque, by: null });
  const { actions, risk } = actionsOf(found, DEFAULT_LIMITS);
  const names = paths.map(({ path }) => shown(path));
  const mode = permissions === null ? '' : ` mode ${(permissions & 0o7777).toString(8)}`;
  return {
    text: `${name}${opaque === null ? '' : ` ${shown(opaque)}`} ${[...new Set(names)].join(' -> ')}${mode}`.trim(),
    actions,
    objects: [...new Set(names)],
    risk,
    fingerprint: createHash('sha256')
      .update(
        `sftp ${name} ${actions
          .map(({ action }) => action)
          .sort()
          .join(' ')}`,
      )
      .digest('hex')
      .slice(0, 16),
    programs: [],
    opaque: opaque === null ? null : `extension ${shown(opaque)}`,
    ...(refused === null ? {} : { forcedDenial: refused }),
  };
}
