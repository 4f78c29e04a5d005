/** Makes a message fit its receiver: long texts and lists are cut, what a search starts from stays whole. */

import type { EcsValue } from '../../../schemas/ecs/ecs-document.ts';

export type Texts = Record<string, EcsValue>;

const CUTTABLE_CHARS_MIN = 24;
const MARK = '…';
const ROUNDS_MAX = 200;

const weight = (value: EcsValue | undefined): number => {
  if (typeof value === 'string') return value.length;
  return Array.isArray(value)
    ? (value as readonly (string | number)[]).reduce<number>((sum, one) => sum + String(one).length + 3, 0)
    : 0;
};

function cut(value: EcsValue | undefined, excess: number): EcsValue {
  if (typeof value === 'string') {
    const keep = Math.max(
      CUTTABLE_CHARS_MIN,
      Math.min(value.length - 1, value.length - excess - MARK.length),
    );
    return `${value.slice(0, Math.min(keep, value.length - MARK.length - 1)).toWellFormed()}${MARK}`;
  }
  const entries = value as readonly string[];
  return entries.slice(0, Math.floor(entries.length / 2));
}

/**
 * Returns the fields so cut that `sizeOf` them is at most `bytesMax`, with the names of what was cut; undefined where that
 * cannot be done. Fields of `whole` are not touched.
 */
export function shorten(
  fields: Readonly<Texts>,
  bytesMax: number,
  sizeOf: (fields: Readonly<Texts>, cutNames: readonly string[]) => number,
  whole: ReadonlySet<string>,
): { readonly fields: Readonly<Texts>; readonly cutNames: readonly string[] } | undefined {
  const result: Texts = { ...fields };
  const cutNames = new Set<string>();
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const excess = sizeOf(result, [...cutNames]) - bytesMax;
    if (excess <= 0) return { fields: result, cutNames: [...cutNames] };
    let longest: string | undefined;
    for (const [name, value] of Object.entries(result)) {
      if (whole.has(name) || weight(value) <= CUTTABLE_CHARS_MIN + MARK.length) continue;
      if (longest === undefined || weight(value) > weight(result[longest])) longest = name;
    }
    if (longest === undefined) return undefined;
    result[longest] = cut(result[longest], excess);
    cutNames.add(longest);
  }
  return undefined;
}
