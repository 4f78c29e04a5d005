/** What stands behind the prompt on the screen. */
import type { Emulator, Place } from './emulator.ts';
import { searchedText, type Prompts } from './prompts.ts';

/** Where a line's text begins, and what stands before it. */
export interface Start {
  readonly place: Place;
  readonly prompt: string;
}

const LINES_MAX = 200;

export function readScreen(
  emulator: Emulator,
  prompts: Prompts,
  start: Start | null,
): { readonly text: string; readonly prompt: string; readonly searched: boolean } {
  const { text: line } = emulator.line();
  const search = searchedText(line);
  if (search !== undefined) return { text: search, prompt: '', searched: true };
  const whole = start === null ? null : emulator.textFrom(start.place);
  // Where the line began at the end of a row, the shell has gone to the next one.
  const written = whole?.replace(/^\n+/, '') ?? '';
  const several = written.includes('\n') && written.split('\n').length <= LINES_MAX ? written : null;
  if (start !== null && start.prompt !== '' && line.startsWith(start.prompt)) {
    // A text of several lines goes on below the cursor's own; a prompt shown anew (completion) does not.
    const below = several !== null && !several.slice(several.indexOf('\n')).includes(start.prompt);
    return { text: below ? several : line.slice(start.prompt.length), prompt: start.prompt, searched: false };
  }
  const { prompt, text, known } = prompts.strip(line);
  if (several !== null && !known && prompt === '')
    return { text: several, prompt: start?.prompt ?? '', searched: false };
  return { text, prompt, searched: false };
}
