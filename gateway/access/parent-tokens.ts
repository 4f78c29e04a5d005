/** Tokens that a token was made from: what ends one of them ends it, too. They stand on each of its events. */
export const PARENTS_ATTRIBUTE = 'parent_tokens';

export function parentsOf(attributes: Readonly<Record<string, string>>): readonly string[] {
  const text = attributes[PARENTS_ATTRIBUTE];
  return text === undefined ? [] : text.split(' ');
}
