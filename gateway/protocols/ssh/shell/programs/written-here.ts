import type { Walk } from '../found.ts';

/** Whether the line itself made the file before. */
export function writtenHere(walk: Walk, resolved: string): boolean {
  return walk.found.files.some(
    ({ path, use }) => use === 'write' && (path === resolved || path.startsWith('?') || path.endsWith('/')),
  );
}
