/** A function that is named by its object id, as a call in SQL. */
import type { NamedFunction } from './effects.ts';

/** All names are quoted: none of them is a word of the grammar. */
export function callOf({ schema, name, argumentCount }: NamedFunction): string {
  const quoted = [schema, name].map((part) => `"${part.replaceAll('"', '""')}"`).join('.');
  return `select ${quoted}(${Array.from({ length: argumentCount }, (_, index) => `$${index + 1}`).join(', ')})`;
}
