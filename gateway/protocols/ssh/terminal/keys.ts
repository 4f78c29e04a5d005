/** The client's keys: where a line is submitted, and what was typed as far as keys alone tell. */
const CTRL_C = 3;
const CTRL_D = 4;
const NEWLINE = 10;
const RETURN = 13;
/** bash submits the line and shows the next one of its history. */
const CTRL_O = 15;
const CTRL_U = 21;
const QUOTED_INSERT = 22;
const ESCAPE = 27;
const BACKSPACES: ReadonlySet<number> = new Set([8, 127]);
const TAB = 9;
const CTRL_R = 18;
const CTRL_S = 19;

const TYPED_BYTES_MAX = 64 * 1024;
const PASTE_BEGIN = '\u001b[200~';
const PASTE_END = '\u001b[201~';

export interface KeyPiece {
  readonly bytes: Buffer;
  /** What was typed on the line that this submits; null where it submits none. */
  readonly submits: Typed | null;
  /** Its last byte is an interrupt: what is typed behind it may get lost until the shell shows a prompt. */
  readonly interrupts: boolean;
}

export interface Typed {
  /** Characters since the line began, where no key but backspace changed them. */
  readonly text: string;
  /** Other keys were used: what the line is, only the screen says. */
  readonly edited: boolean;
  /** Keys whose effect the screen shows badly: completion, searching the history. */
  readonly searched: boolean;
  /** Anything at all. */
  readonly any: boolean;
  /** A line's end inside of a paste: some shells submit there, others only take it into the line. */
  readonly pasted: boolean;
  /** An interrupt was typed before it. */
  readonly interrupted: boolean;
}

export interface Keys {
  /** Cuts bytes at what submits or interrupts a line; what was typed is begun anew behind each. */
  split(bytes: Buffer): KeyPiece[];
  /** Nothing was typed on this line yet. */
  fresh(): boolean;
}

export function createKeys(): Keys {
  let typed: number[] = [];
  let edited = false;
  let searched = false;
  let any = false;
  let interrupted = false;
  let sequence = '';
  let quoted = false;
  let pasting = false;

  const reset = (): void => {
    typed = [];
    edited = searched = any = false;
  };
  const take = (): Typed => {
    const taken: Typed = {
      text: Buffer.from(typed).toString('utf8'),
      edited,
      searched,
      any,
      pasted: pasting,
      interrupted,
    };
    reset();
    interrupted = false;
    return taken;
  };
  const text = (byte: number): void => {
    if (typed.length < TYPED_BYTES_MAX) typed.push(byte);
    else edited = true;
  };
  /** One byte; true where it submits the line. */
  const key = (byte: number): boolean => {
    if (byte !== RETURN && byte !== NEWLINE && byte !== ESCAPE) any = true;
    if (quoted) {
      quoted = false;
      text(byte);
      edited = true;
      return false;
    }
    if (byte === CTRL_C) {
      // The terminal itself takes it, whatever sequence or paste it stands in.
      interrupted = true;
      sequence = '';
      pasting = false;
      reset();
      return false;
    }
    if (sequence !== '') return inSequence(byte);
    if (byte === ESCAPE) {
      sequence = '\u001b';
      return false;
    }
    if (pasting) {
      // Not every shell knows pastes: to the others this is Enter.
      if (byte === RETURN || byte === NEWLINE) return true;
      text(byte);
      return false;
    }
    if (byte === RETURN || byte === NEWLINE || byte === CTRL_O) return true;
    if (BACKSPACES.has(byte)) {
      // A character of UTF-8 goes as a whole.
      while (typed.length > 0 && (typed.pop()! & 0xc0) === 0x80);
    } else if (byte === CTRL_U && !edited) typed = [];
    else if (byte >= 32) text(byte);
    else {
      if (byte !== CTRL_D) edited = true;
      if (byte === QUOTED_INSERT) quoted = true;
      if (byte === TAB || byte === CTRL_R || byte === CTRL_S) searched = true;
    }
    return false;
  };
  const inSequence = (byte: number): boolean => {
    // A line's end is never a part of a sequence: a terminal in another mode takes it as what it is.
    if (byte === RETURN || byte === NEWLINE) {
      sequence = '';
      edited = true;
      return true;
    }
    sequence += String.fromCharCode(byte);
    if (sequence === PASTE_BEGIN) pasting = true;
    if (sequence === PASTE_END) pasting = false;
    if (sequence === '\u001bOM') {
      sequence = '';
      return true;
    }
    const ends =
      sequence.length === 2
        ? byte !== 0x5b && byte !== 0x4f
        : sequence.length > 16 || (byte >= 0x40 && byte <= 0x7e);
    if (!ends) return false;
    if (sequence !== PASTE_BEGIN && sequence !== PASTE_END) edited = true;
    sequence = '';
    return false;
  };
  return {
    split(bytes) {
      const pieces: KeyPiece[] = [];
      let from = 0;
      const pass = (to: number, interrupts: boolean): void => {
        if (to > from) pieces.push({ bytes: bytes.subarray(from, to), submits: null, interrupts });
        from = to;
      };
      for (let at = 0; at < bytes.length; at++) {
        const literal = quoted;
        if (key(bytes[at]!)) {
          pass(at, false);
          pieces.push({ bytes: bytes.subarray(at, at + 1), submits: take(), interrupts: false });
          from = at + 1;
        } else if (bytes[at] === CTRL_C && !literal) pass(at + 1, true);
      }
      pass(bytes.length, false);
      return pieces;
    },
    fresh: () => !any,
  };
}
