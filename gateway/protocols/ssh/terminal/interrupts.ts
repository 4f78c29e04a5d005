/**
 * An interrupt (Ctrl-C) and what is typed behind it. Between the end of a command and the prompt bash takes an interrupt with the next
 * line only: it then swallows that line's first key, behind an echo that shows it. So keys wait until the shell has visibly taken it.
 */
import type { TerminalInput } from '../analysis.ts';
import type { Emulator } from './emulator.ts';
import { looksLikeShell } from './prompts.ts';
import type { Settle } from './settle.ts';

const INTERRUPT = Buffer.from([3]);
const ECHO = '^C';
/** The echo of an interrupt with nothing but modes between it and the end of its line: the shell has taken it. */
// eslint-disable-next-line no-control-regex -- escape sequences are control characters
const TAKEN = /\^C(?:\x1b\[[?\d;]*[a-zA-Z]|\r)*\n/;
const ANSWER_BYTES_MAX = 4096;

export interface Interrupts {
  output(bytes: Buffer): void;
  /** Keys must wait: an interrupt has gone and what comes behind it has not, or the shell may still hold one. */
  readonly holds: boolean;
  /** The shell may still hold an interrupt: whatever is typed, it may run something else. */
  readonly unsure: boolean;
  /** A line behind an interrupt was not seen on the screen. */
  doubt(): void;
  /** Behind the interrupt itself. */
  sent(): TerminalInput;
  /** Before the next keys; `onReady` is told when the shell waits for them. */
  behind(onReady: () => void): TerminalInput;
}

/**
 * @param screen what the client sees; `promptStands` with nothing behind it, `isOther` while a full-screen program has it
 * @param strict lists hold: where the screen does not show that the shell has taken an interrupt, it is sent another one
 */
export function createInterrupts(
  screen: Pick<Emulator, 'line'> & { promptStands(): boolean; isOther(): boolean },
  settle: Settle,
  strict: boolean,
): Interrupts {
  let gone = false;
  let unsure = false;
  let outputs = 0;
  let outputsBefore = 0;
  /** What the target wrote since the interrupt went, its beginning; null where nobody waits for it. */
  let answer: string | null = null;

  /** Where the interrupt met bash as it drew its prompt, it goes back or steps over the prompt's place, and no prompt is seen. */
  const isPromptHidden = (): boolean => {
    const { text, beforeCursor } = screen.line();
    return text.trimEnd().endsWith(ECHO) && !beforeCursor.endsWith(ECHO);
  };
  /** A second interrupt, while the shell waits at its prompt, is taken at once, and shows a new prompt. */
  async function isTaken(send: (bytes: Buffer) => void): Promise<boolean> {
    if (TAKEN.test(answer ?? '')) return true;
    if (!looksLikeShell(screen.line().beforeCursor) && !isPromptHidden()) return !unsure;
    answer = '';
    const shown = (): boolean => answer?.includes('\n') === true && screen.promptStands();
    send(INTERRUPT);
    await settle.insist(shown);
    return shown();
  }

  return {
    output(bytes) {
      outputs += 1;
      if (answer !== null && answer.length < ANSWER_BYTES_MAX) answer += bytes.toString('latin1');
    },
    get holds() {
      return gone || unsure;
    },
    get unsure() {
      return unsure;
    },
    doubt() {
      unsure = true;
    },
    sent() {
      gone = true;
      return {
        kind: 'wait',
        ready() {
          outputsBefore = outputs;
          answer = '';
          return Promise.resolve();
        },
      };
    },
    behind(onReady) {
      gone = false;
      return {
        kind: 'wait',
        async ready(send) {
          if (!screen.isOther()) {
            if (!unsure) await settle.insist(() => outputs > outputsBefore && screen.promptStands());
            unsure = strict && !(await isTaken(send));
          }
          answer = null;
          onReady();
        },
      };
    },
  };
}
