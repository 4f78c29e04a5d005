/** Small files that a start makes: whole in their place or not there, wherever a process is killed. */
import { linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Puts `text` in the place of what was there. */
export function replaceFile(file: string, text: string, mode: number): void {
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { mode });
  renameSync(draft, file);
}

/** Makes a file that must not be made twice. Throws EEXIST where it is there. */
export function makeFile(file: string, text: string, mode: number): void {
  const draft = `${file}.${process.pid}`;
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { mode });
  try {
    linkSync(draft, file);
  } finally {
    rmSync(draft);
  }
}
