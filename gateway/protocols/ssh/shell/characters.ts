/** Bytes that a command line has no honest use for: NUL, control bytes, invisible and look-alike characters, invalid UTF-8. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}|\p{Cf}|[\ufff9-\ufffc]/u;
/** Blanks that some shells in some locales take for blanks and others for letters. */
const OTHER_BLANKS = /[^\P{Z} ]|[\v\f\u0085]/u;
const CONTROLS = /[^\P{Cc}\n\t]/u;

export interface Decoded {
  readonly text: string;
  /** Why the text is not what it looks like; null where it is. */
  readonly unusual: string | null;
}

/** Decodes a command line's bytes. Never throws; bytes that are no UTF-8 are shown as U+FFFD. */
export function decodeLine(line: string | Uint8Array): Decoded {
  const text = typeof line === 'string' ? line : Buffer.from(line).toString('utf8');
  return { text, unusual: unusualIn(text) };
}

/** First unusual character of a text, in words; null where there is none. */
export function unusualIn(text: string): string | null {
  if (text.includes('\ufffd')) return 'not UTF-8';
  if (text.includes('\0')) return 'a NUL';
  if (text.includes('\r')) return 'a carriage return';
  if (CONTROLS.test(text)) return 'a control character';
  if (INVISIBLE.test(text)) return 'an invisible character';
  if (OTHER_BLANKS.test(text)) return 'an unusual blank';
  return null;
}

/** Whether a command's name is written in ASCII letters alone, as all programs that count are. */
export const isPlainName = (name: string): boolean => /^[A-Za-z0-9_@%+:,./[\]{}!~-]+$/.test(name);
