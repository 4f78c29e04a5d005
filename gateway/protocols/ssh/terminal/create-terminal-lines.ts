/**
 * Lines of an interactive shell, read from the screen when Enter is pressed and before the target gets it. Keys that only type tell the
 * line by themselves, so that a screen that somebody painted over does not hide them; with any other key the screen is believed.
 */
import type { CreateTerminalLines, TerminalInput, TerminalLine, TerminalLines } from '../analysis.ts';
import { isIncomplete } from '../shell/is-incomplete.ts';
import { createEmulator } from './emulator.ts';
import { createKeys, type Typed } from './keys.ts';
import { asksSecret, createPrompts, looksLikeProgram, looksLikeSecond, looksLikeShell } from './prompts.ts';
import { readScreen, type Start } from './read-screen.ts';
import { createSettle, INTERRUPTED } from './settle.ts';

const NEWLINE = 10;
/**
 * To the end of the line, and kill it. No interrupt: a shell sees it at some later key, which it then swallows, and would run something
 * else than what was decided. No Enter either: where the kill was rebound, it would submit the line.
 */
const DISCARD = Buffer.from([5, 21]);
const COLUMNS_MAX = 1000;
const ROWS_MAX = 500;
/** What some programs show for each character of a password. */
const STARS = /[*•●]+$/;
const CARRIED_MAX = 65_536;

const within = (value: number, most: number, usual: number): number =>
  Number.isInteger(value) && value > 0 ? Math.min(value, most) : usual;

export const createTerminalLines: CreateTerminalLines = ({ clock }, { columns, rows }): TerminalLines => {
  const emulator = createEmulator(within(columns, COLUMNS_MAX, 80), within(rows, ROWS_MAX, 24));
  const keys = createKeys();
  const prompts = createPrompts();
  const settle = createSettle(clock);
  /** Where the line's text begins and what stands before it, seen when its first key came. */
  let start: Start | null = null;
  /** Lines before this one that the shell still waits to end. */
  let carried = '';
  /** The line that was read last: what its denial goes back to. */
  let last: { readonly begun: Start | null; readonly carried: string } = { begun: null, carried: '' };
  /** After a denial the line begins where the denied one did. */
  let again: Start | null = null;
  /** Nothing came since a line went: what the screen shows is not where the next one will begin. */
  let awaitsPrompt = false;
  /** The line before was submitted by a paste, and may be a part of this one. */
  let pasted = false;

  /** Whether the screen shows what was typed behind the prompt. */
  const isShown = (typed: Typed, begun: Start | null): boolean => {
    if (typed.edited || typed.text === '') return false;
    const { beforeCursor } = emulator.line();
    return begun === null ? beforeCursor.endsWith(typed.text) : beforeCursor === begun.prompt + typed.text;
  };

  function read(typed: Typed, begun: Start | null): TerminalLine {
    // A paste is just what came, and its lines may be read by somebody who knows nothing of pastes.
    if (typed.pasted && !typed.edited && !emulator.fullScreen())
      return finish(typed, typed.text, begun?.prompt ?? '', true);
    const screen = readScreen(emulator, prompts, begun);
    const prompt = screen.prompt === '' ? (begun?.prompt ?? '') : screen.prompt;
    const text = screen.text.trimEnd();
    const shows = text.endsWith(typed.text.trimEnd());
    if (typed.text !== '' && !shows && asksSecret(emulator.line().beforeCursor.replace(STARS, '')))
      return { text: '', context: 'secret', certain: true };
    // Anybody can switch to the other screen; behind a prompt of a shell a line is a line there, too.
    if (emulator.fullScreen() && !looksLikeShell(prompt) && !prompts.strip(prompt).known)
      return { text: '', context: 'screen', certain: true };
    if (typed.any && text.trim() === '' && typed.text !== '') {
      // Without echo: a password, unless a shell's prompt stands there.
      if (asksSecret(prompt) || !looksLikeShell(prompt))
        return { text: '', context: 'secret', certain: true };
      return finish(typed, typed.text, prompt, false);
    }
    // Keys and screen say different things: painted over, filled before, or a shell that lost a key or has not caught up. Both are decided.
    const keysAlone = typed.text.trimEnd();
    if (!typed.edited && keysAlone.trim() !== '' && text !== keysAlone && !text.endsWith(`\n${keysAlone}`))
      return finish(typed, `${typed.text}\n${text}`, prompt, false);
    const certain =
      !screen.searched &&
      !typed.searched &&
      (typed.edited ? text !== '' : !typed.any || text === typed.text.trimEnd());
    return finish(typed, text, prompt, certain);
  }

  function finish(typed: Typed, text: string, prompt: string, certain: boolean): TerminalLine {
    last = { ...last, carried };
    if (carried !== '' && !typed.interrupted) {
      const whole = `${carried}\n${text}`;
      carried = whole.length <= CARRIED_MAX && isIncomplete(whole) ? whole : '';
      return { text: whole, context: 'continuation', certain };
    }
    const program = looksLikeProgram(prompt) && !looksLikeSecond(prompt);
    const shell = !program && (looksLikeShell(prompt) || prompts.strip(prompt).known);
    if (shell && certain) prompts.learn(prompt);
    carried = !program && isIncomplete(text) ? text : '';
    return { text, context: shell ? 'shell' : 'program', certain };
  }

  return {
    output(bytes) {
      emulator.output(bytes);
      if (bytes.includes(NEWLINE)) awaitsPrompt = false;
      settle.output();
    },
    input(bytes) {
      if (keys.fresh() && !pasted)
        start =
          again ?? (awaitsPrompt ? null : { place: emulator.place(), prompt: emulator.line().beforeCursor });
      settle.input();
      return keys.split(bytes).map(({ bytes: piece, submits }): TerminalInput => {
        if (submits === null) return { kind: 'pass', bytes: piece };
        // Where a later line of the same bytes will begin is not known yet.
        const begun = start;
        pasted = submits.pasted;
        if (!pasted) {
          start = again = null;
          awaitsPrompt = true;
        }
        return {
          kind: 'submit',
          bytes: piece,
          async line() {
            if (submits.interrupted) await settle.wait(() => false, submits.any, INTERRUPTED);
            else if (!submits.pasted) await settle.wait(() => isShown(submits, begun), submits.any);
            last = { begun, carried };
            return read(submits, begun);
          },
        };
      });
    },
    resize: (newColumns, newRows) =>
      emulator.resize(within(newColumns, COLUMNS_MAX, 80), within(newRows, ROWS_MAX, 24)),
    get discard() {
      carried = last.carried;
      again = last.begun;
      return DISCARD;
    },
    get prompt() {
      return last.begun?.prompt ?? '';
    },
    settled: () => settle.wait(() => false, true),
    close() {
      settle.close();
      emulator.close();
    },
  };
};
