/** None means not known, and what is not known beside what is known still is not. */
export const joinedColumns = (one: readonly string[], other: readonly string[]): string[] =>
  one.length === 0 || other.length === 0 ? [] : [...new Set([...one, ...other])];
