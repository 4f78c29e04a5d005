/**
 * Lines of an interactive shell, read from the screen when Enter is pressed and before the target gets it. Keys that only type tell the
 * line by themselves, so that a screen that somebody painted over does not hide them; with any other key the screen is believed.
 */
import type { CreateTerminalLines, TerminalInput, TerminalLine, TerminalLines } from '../analysis.ts';
import { isIncomplete } from '../shell/is-incomplete.ts';
import { createEmulator } from './emulator.ts';
import { createInterrupts } from './interrupts.ts';
import { createKeys, type Typed } from './keys.ts';
import { asksSecret, createPrompts, looksLikeProgram, looksLikeSecond, looksLikeShell } from './prompts.ts';
import { readScreen, type Start } from './read-screen.ts';
import { createSettle } from './settle.ts';

const NEWLINE = 10;
/**
 * To the end of the line, and kill it. No interrupt: a shell sees it at some later key, which it then swallows, and would run something
 * else than what was decided. No Enter either: where the kill was rebound, it would submit the line.
 */
const DISCARD = Buffer.from([5, 21]);
/** A key and its removal: line editors answer to it, and leave the line as it was. */
const PROBE = Buffer.from([32, 127]);
const COLUMNS_MAX = 1000;
const ROWS_MAX = 500;
/** What some programs show for each character of a password. */
const STARS = /[*•●]+$/;
const CARRIED_MAX = 65_536;

const within = (value: number, most: number, usual: number): number =>
  Number.isInteger(value) && value > 0 ? Math.min(value, most) : usual;

/** Where a line's text begins; unknown while it is typed ahead, or held behind an interrupt. */
interface Line {
  begun: Start | null;
  /** It goes on with lines that were pasted. */
  readonly pasted: boolean;
}

export const createTerminalLines: CreateTerminalLines = (
  { clock },
  { columns, rows, strict = false },
): TerminalLines => {
  const emulator = createEmulator(within(columns, COLUMNS_MAX, 80), within(rows, ROWS_MAX, 24));
  const keys = createKeys();
  const prompts = createPrompts();
  const settle = createSettle(clock);
  /** The line that is typed now: where it begins is seen when its first key comes. */
  let current: Line = { begun: null, pasted: false };
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
  const isShown = (typed: Typed, { begun, pasted: goesOn }: Line): boolean => {
    if (typed.edited || typed.text === '') return false;
    const { beforeCursor } = emulator.line();
    return begun === null || goesOn
      ? beforeCursor.endsWith(typed.text)
      : beforeCursor === begun.prompt + typed.text;
  };

  const here = (): Start => ({ place: emulator.place(), prompt: emulator.line().beforeCursor });
  /** Behind a denial the line's prompt stands there still, unless something wrote below it. */
  const begin = (): Start | null => {
    if (again !== null && emulator.line().beforeCursor.startsWith(again.prompt)) return again;
    return awaitsPrompt ? null : here();
  };
  /** A prompt, and nothing behind it yet. */
  const promptStands = (): boolean => {
    const { beforeCursor } = emulator.line();
    const { known, text } = prompts.strip(beforeCursor);
    return looksLikeShell(beforeCursor) || looksLikeProgram(beforeCursor) || (known && text === '');
  };
  /** Programs on the other screen have no prompts; a shell's prompt there is one. */
  const isScreen = (): boolean => emulator.fullScreen() && !promptStands();

  const interrupts = createInterrupts(
    { line: () => emulator.line(), promptStands, isOther: isScreen },
    settle,
    strict,
  );

  /** Waits for the echo; false where the screen must show what was typed and does not. */
  async function isSeen(typed: Typed, line: Line, send: (bytes: Buffer) => void): Promise<boolean> {
    if (typed.pasted) return true;
    const shown = (): boolean => isShown(typed, line);
    await settle.wait(shown, typed.any);
    const prompt = line.begun?.prompt ?? '';
    if (!strict || !typed.any || shown() || asksSecret(prompt)) return true;
    if (isScreen() || !(typed.interrupted || looksLikeShell(prompt))) return true;
    if (!typed.edited) {
      await settle.insist(shown);
      return shown();
    }
    if (settle.echoed()) return true;
    settle.input();
    send(PROBE);
    await settle.insist(() => settle.echoed());
    return settle.echoed();
  }

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

  /** What comes next begins a line at a prompt that is not there yet. */
  function interrupt(): TerminalInput {
    pasted = false;
    again = null;
    current = { begun: null, pasted: false };
    return interrupts.sent();
  }

  const behindInterrupt = (line: Line): TerminalInput =>
    interrupts.behind(() => {
      line.begun = here();
      awaitsPrompt = false;
      settle.input();
    });

  function submit(bytes: Buffer, typed: Typed): TerminalInput {
    const line = current;
    pasted = typed.pasted;
    if (pasted) current = { begun: line.begun, pasted };
    else {
      // Where a later line of the same bytes will begin is not known yet.
      current = { begun: null, pasted };
      again = null;
      awaitsPrompt = true;
    }
    return {
      kind: 'submit',
      bytes,
      async line(send) {
        const seen = !interrupts.unsure && (await isSeen(typed, line, send));
        last = { begun: line.begun, carried };
        const found = read(typed, line.begun);
        if (seen || found.context === 'secret' || found.context === 'screen') return found;
        if (typed.interrupted) interrupts.doubt();
        return { ...found, certain: false, unseen: true };
      },
    };
  }

  return {
    output(bytes) {
      interrupts.output(bytes);
      emulator.output(bytes);
      if (bytes.includes(NEWLINE)) awaitsPrompt = false;
      settle.output();
    },
    input(bytes) {
      const isNew = keys.fresh();
      if (isNew && !pasted && !interrupts.holds) current.begun = begin();
      const steps: TerminalInput[] = [];
      let held = interrupts.holds && (isNew || !interrupts.unsure);
      for (const { bytes: piece, submits, interrupts: isInterrupt } of keys.split(bytes)) {
        if (held && !isInterrupt) {
          steps.push(behindInterrupt(current));
          held = false;
        }
        if (submits !== null) {
          steps.push(submit(piece, submits));
          continue;
        }
        settle.input();
        steps.push({ kind: 'pass', bytes: piece });
        if (!isInterrupt) continue;
        steps.push(interrupt());
        held = true;
      }
      return steps;
    },
    resize: (newColumns, newRows) =>
      emulator.resize(within(newColumns, COLUMNS_MAX, 80), within(newRows, ROWS_MAX, 24)),
    get discard() {
      carried = last.carried;
      again = last.begun;
      settle.input();
      return DISCARD;
    },
    get prompt() {
      return last.begun?.prompt ?? '';
    },
    settled() {
      const { begun } = last;
      if (begun === null) return settle.wait(() => false, true);
      return settle.insist(() => settle.echoed() && emulator.line().beforeCursor === begun.prompt);
    },
    close() {
      settle.close();
      emulator.close();
    },
  };
};
