/** Far sides of transfers, which clients start with options of their own making: rsync, scp and git, read as a whole. */
import { matchesWord } from './pattern.ts';

/** Short options of `rsync --server` (letters, then `e.` with the protocol's capabilities). */
const RSYNC_SHORT = /^-[a-zA-Z0]{1,40}(e\d{0,3}(\.\d{0,3})?[A-Za-z]{0,24})?\.?[A-Za-z]{0,24}$/;
const RSYNC_LONG =
  /^--(sender|delete(-before|-during|-after|-delay|-excluded|-missing-args)?|numeric-ids|partial|inplace|append(-verify)?|size-only|ignore-(times|existing|errors|non-existing)|existing|force|fuzzy|stats|checksum-seed=\d+|checksum-choice=[\w:,-]+|compress-choice=\w+|compress-level=\d+|bwlimit=[\d.]+[kKmMgG]?|timeout=\d+|block-size=\d+|max-delete=\d+|max-size=[\d.]+[a-zA-Z]*|min-size=[\d.]+[a-zA-Z]*|modify-window=-?\d+|safe-links|copy-unsafe-links|munge-links|no-[a-z-]+|log-format=[%\w]*|out-format=[%\w]*|new-compress|old-compress|mkpath|prune-empty-dirs|one-file-system|remove-source-files|specials|devices|fake-super|open-noatime|preallocate|sparse|delay-updates|list-only|dirs|msgs2stderr|qsort|iconv=[\w.,-]+)$/;

const plainPath = (path: string): boolean =>
  /^(?!-)[\w./@%+:,=-]+$/.test(path) && !path.split('/').includes('..');

/** A glob of folders: `/srv/**` is everything below /srv and /srv itself; `*` stays within one name. */
export function matchesFolder(pattern: string, path: string): boolean {
  if (!plainPath(path)) return false;
  const clean = path.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
  if (pattern.endsWith('/**')) {
    const base = pattern.slice(0, -3);
    const start = clean.split('/').slice(0, base.split('/').length).join('/');
    return matchesWord(base, start);
  }
  return clean.split('/').length === pattern.split('/').length && matchesWord(pattern, clean);
}

/** `@rsync-read`, `@rsync-write`, `@scp-read`, `@scp-write`, `@git-read`, `@git-write`, each with a glob of folders. */
export const TRANSFERS: Readonly<Record<string, (words: readonly string[], folder: string) => boolean>> = {
  '@rsync-read': (words, folder) => isRsync(words, folder, false),
  '@rsync-write': (words, folder) => isRsync(words, folder, true),
  '@scp-read': (words, folder) => isScp(words, folder, 'f'),
  '@scp-write': (words, folder) => isScp(words, folder, 't'),
  '@git-read': ([program, path, ...more], folder) =>
    /^git-upload-(pack|archive)$/.test(program ?? '') &&
    more.length === 0 &&
    path !== undefined &&
    matchesFolder(folder, path),
  '@git-write': ([program, path, ...more], folder) =>
    program === 'git-receive-pack' && more.length === 0 && path !== undefined && matchesFolder(folder, path),
};

function isRsync(words: readonly string[], folder: string, write: boolean): boolean {
  const [program, server, ...rest] = words;
  if (program !== 'rsync' || server !== '--server') return false;
  const dot = rest.indexOf('.');
  if (dot === -1) return false;
  const options = rest.slice(0, dot);
  const paths = rest.slice(dot + 1);
  if (options.includes('--sender') === write) return false;
  // A link that a push leaves leads the next one out of the folder.
  if (write && !keepsWithin(options)) return false;
  // A push that removes its sources, or a pull that deletes, changes what it should only read.
  if (!write && options.some((option) => /^--(delete|remove-source)/.test(option))) return false;
  if (
    !options.every(
      (option) => RSYNC_LONG.test(option) || (!option.startsWith('--') && RSYNC_SHORT.test(option)),
    )
  )
    return false;
  return (
    paths.length > 0 && (!write || paths.length === 1) && paths.every((path) => matchesFolder(folder, path))
  );
}

function keepsWithin(options: readonly string[]): boolean {
  const letters = options
    .filter((option) => !option.startsWith('--'))
    // Behind `e` stand the protocol's capabilities.
    .map((option) => option.split('e')[0])
    .join('');
  // -K follows links to folders; -R takes names with folders from the client.
  if (/[KR]/.test(letters)) return false;
  return !letters.includes('l') || options.includes('--safe-links') || options.includes('--munge-links');
}

function isScp(words: readonly string[], folder: string, mode: 'f' | 't'): boolean {
  const [program, ...rest] = words;
  if (program !== 'scp') return false;
  const options = rest.filter((word) => word.startsWith('-') && word !== '--');
  const paths = rest.filter((word) => !word.startsWith('-'));
  const letters = options.join('').replaceAll('-', '');
  return (
    /^[rpdvq]*$/.test(letters.replaceAll(mode, '')) &&
    letters.includes(mode) &&
    paths.length === 1 &&
    matchesFolder(folder, paths[0]!)
  );
}
