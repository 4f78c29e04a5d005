/**
 * ATT&CK techniques. A detection names them as a rule does, with or without the part behind the dot (T1078.004 is a way to do T1078).
 * ECS and OCSF keep both levels: `threat.technique.id` has the technique of each, `threat.technique.subtechnique.id` those with a part
 * behind the dot. Where there is one field for all (CEF), `namedTechniques` gives back what was named.
 */
const unique = (values: readonly string[]): string[] => [...new Set(values)];

/** The technique that this is, or is a way to do. */
export const mainTechnique = (id: string): string => id.split('.', 1)[0]!;

export const isSubtechnique = (id: string): boolean => /^T\d+\.\d+$/.test(id);

/** Both levels. */
export function techniqueLevels(ids: readonly string[]): {
  readonly techniques: string[];
  readonly subtechniques: string[];
} {
  return {
    techniques: unique(ids.map(mainTechnique)),
    subtechniques: unique(ids.filter(isSubtechnique)),
  };
}

/** One list again: each subtechnique, and each technique of which there is none. */
export function namedTechniques(techniques: readonly string[], subtechniques: readonly string[]): string[] {
  const covered = new Set(subtechniques.map(mainTechnique));
  return unique([...techniques.filter((id) => !covered.has(id)), ...subtechniques]).toSorted();
}
