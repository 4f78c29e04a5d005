/** Prompts: learnt where a line was typed behind them, guessed where none is known. */
const PROMPTS_MAX = 16;
const PROMPT_LENGTH_MAX = 256;

/** A password is asked for. */
const SECRET =
  /(pass(word|phrase|code)|\bpin\b|secret|token|verification code|otp|kennwort|mot de passe|contraseña)[^$#%>]*[:：?]\s*$/i;
/** Programs that read lines of their own. */
const PROGRAM =
  /^(>>> |\.\.\. |In \[\d+\]: |\(gdb\) |\(Pdb\) |ghci> |irb\(|pry\(|iex\(|sqlite> |mysql> |MariaDB \[|mongo\w*> |ftp> |sftp> |lftp |redis [^>]*> |[\w.:-]+(=|-|\(|\*|!)*[#>] $|julia> |octave:|> $|\d+> $)/;
/** What prompts of shells look like. */
const SHELL = /[$#%❯➜»λ>]\s*$/;
/** Second prompts of shells. */
const SECOND = /^(> |(\w+ ?)+> )$/;
const SEARCH =
  /^\((?:failed )?(?:reverse-)?i-search\)`[\s\S]*?': ([\s\S]*)$|^(?:failing )?(?:bck|fwd)-i-search: /;

export interface Prompts {
  /** A prompt that a line was typed behind. */
  learn(prompt: string): void;
  /** The line without its prompt. */
  strip(line: string): { readonly prompt: string; readonly text: string; readonly known: boolean };
}

export const asksSecret = (prompt: string): boolean => SECRET.test(prompt);
export const looksLikeProgram = (prompt: string): boolean => PROGRAM.test(prompt);
export const looksLikeShell = (prompt: string): boolean => SHELL.test(prompt) && !PROGRAM.test(prompt);
export const looksLikeSecond = (prompt: string): boolean => SECOND.test(prompt);

/** Text that a search in the history would run; undefined where the line is no search. */
export function searchedText(line: string): string | undefined {
  const search = SEARCH.exec(line);
  return search === null ? undefined : (search[1] ?? '');
}

export function createPrompts(): Prompts {
  let known: string[] = [];
  return {
    learn(prompt) {
      if (prompt.trim() === '' || prompt.length > PROMPT_LENGTH_MAX) return;
      known = [prompt, ...known.filter((other) => other !== prompt)].slice(0, PROMPTS_MAX);
    },
    strip(line) {
      // The longest that fits: one may be the beginning of another.
      const best = known
        .filter((prompt) => line.startsWith(prompt))
        .sort((one, other) => other.length - one.length)[0];
      if (best !== undefined) return { prompt: best, text: line.slice(best.length), known: true };
      const guess = /^[^\n]{0,200}?[$#%❯➜»λ] /.exec(line);
      return guess === null
        ? { prompt: '', text: line, known: false }
        : { prompt: guess[0], text: line.slice(guess[0].length), known: false };
    },
  };
}
