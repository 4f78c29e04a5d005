/** The modifiers that turn a value into the forms it may take in the field. Values are held as binary strings (one character a byte). */

const DASHES = ['-', '/', '–', '—', '―'];

/** Every dash that begins a word, in all five forms; at most 5 forms for each of the first 4 dashes. */
export function windash(value: string): string[] {
  let forms = [''];
  let seen = 0;
  for (let i = 0; i < value.length; i++) {
    const char = value[i]!;
    const beginsWord = DASHES.includes(char) && (i === 0 || /\s/.test(value[i - 1]!));
    forms =
      beginsWord && seen++ < 4
        ? forms.flatMap((form) => DASHES.map((dash) => form + dash))
        : forms.map((form) => form + char);
  }
  return forms;
}

export const base64 = (bytes: Buffer): string => bytes.toString('base64');

/** The three forms of a text inside a longer Base64 text, without the characters that its neighbours decide. */
export function base64offset(bytes: Buffer): string[] {
  const skip = [0, 2, 3];
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset, 32), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const whole = (offset + bytes.length) % 3 === 0;
    return encoded.slice(skip[offset], whole ? encoded.length : encoded.length - 1);
  });
}

export function utf16(bytes: Buffer, form: 'le' | 'be' | 'bom'): Buffer {
  const le = Buffer.from(bytes.toString('utf8'), 'utf16le');
  if (form === 'be') return Buffer.from(le).swap16();
  return form === 'bom' ? Buffer.concat([Buffer.from([0xff, 0xfe]), le]) : le;
}
