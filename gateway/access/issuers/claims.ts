/** Claims by name or by JSON pointer (RFC 6901), and texts made from them. */
import { matchesGlob } from '../../policy/globs.ts';

export type Claims = Readonly<Record<string, unknown>>;

const ENTRIES_MAX = 500;
const GROUP_CHARACTERS_MAX = 200;
/** What names are made of must not break lines, logs or keys. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** `/a/b` goes down; anything else is the name of a claim, dots and all. */
export function claimOf(claims: Claims, name: string): unknown {
  if (!name.startsWith('/')) return Object.hasOwn(claims, name) ? claims[name] : undefined;
  let at: unknown = claims;
  for (const part of name.slice(1).split('/')) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Claims)[key];
  }
  return at;
}

/** A text, a number or a boolean as text; undefined for everything else, and for what holds control characters. */
export function textOf(value: unknown): string | undefined {
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  return typeof text === 'string' && text !== '' && !CONTROL.test(text) ? text : undefined;
}

/** `{claim}` filled in; undefined where one of the claims is not there. */
export function fillTemplate(template: string, claims: Claims): string | undefined {
  let isWhole = true;
  const text = template.replaceAll(/\{([^{}]+)\}/g, (_, name: string) => {
    const found = textOf(claimOf(claims, name));
    if (found === undefined) isWhole = false;
    return found ?? '';
  });
  return isWhole ? text : undefined;
}

/** The first template all of whose claims are there. */
export function firstFilled(templates: readonly string[], claims: Claims): string | undefined {
  for (const template of templates) {
    const text = fillTemplate(template, claims);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** Groups: a list of texts, or one text divided by spaces or commas. Entries that are no names are left out. */
export function namesOf(value: unknown): string[] {
  const list = typeof value === 'string' ? value.split(/[\s,]+/) : Array.isArray(value) ? value : [];
  const names = list
    .slice(0, ENTRIES_MAX)
    .map((entry: unknown) =>
      typeof entry === 'object' && entry !== null ? textOf((entry as Claims)['value']) : textOf(entry),
    )
    .filter((name) => name !== undefined && name.length <= GROUP_CHARACTERS_MAX);
  return [...new Set(names as string[])];
}

/** Do all of the claims match? Of a claim that is a list one entry must. */
export function matchesClaims(
  match: Readonly<Record<string, string | readonly string[]>>,
  claims: Claims,
): boolean {
  return Object.entries(match).every(([name, wanted]) => {
    const found = claimOf(claims, name);
    const values = (Array.isArray(found) ? found.slice(0, ENTRIES_MAX) : [found])
      .map(textOf)
      .filter((value) => value !== undefined);
    const patterns = typeof wanted === 'string' ? [wanted] : wanted;
    return values.some((value) => patterns.some((pattern) => matchesGlob(pattern, value)));
  });
}
