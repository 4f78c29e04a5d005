import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where the test servers keep what they download, over checkouts: $XDG_CACHE_HOME/countersign or ~/.cache/countersign. */
export function cacheFolder(...parts: readonly string[]): string {
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(base, 'countersign', ...parts);
}
