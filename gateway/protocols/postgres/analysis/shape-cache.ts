/**
 * Analyses by shape. A literal is free when no analysis of the shape has looked at its value; the values of the others
 * (binding) stay in the key. A command whose binding values are new is analysed afresh; when that looks at more literals, the
 * binding set of the shape grows and what was kept under the smaller one goes.
 */
import type { StatementAnalysis } from './analyser.ts';
import type { Shape } from './tokenizer.ts';

export type CachedAnalysis = Omit<StatementAnalysis, 'text' | 'secretsLifted'>;

interface Entry {
  binding: readonly number[];
  readonly variants: Map<string, CachedAnalysis>;
}

export interface ShapeCache {
  find(settingsKey: string, shape: Shape): CachedAnalysis | undefined;
  /** `binding` are indexes into the shape's literals, ascending. */
  keep(settingsKey: string, shape: Shape, binding: readonly number[], analysis: CachedAnalysis): void;
  clear(): void;
  readonly size: number;
}

export interface ShapeCacheConfig {
  readonly shapesMax: number;
  readonly variantsPerShapeMax: number;
}

function valuesKey(shape: Shape, binding: readonly number[]): string {
  if (binding.length === 0) return '';
  let key = '';
  for (const index of binding) {
    const literal = shape.literals[index]!;
    key += `${literal.length}:${literal}`;
  }
  return key;
}

/** Least recently used shapes go first. */
export function createShapeCache(config: ShapeCacheConfig): ShapeCache {
  const entries = new Map<string, Entry>();
  return {
    get size() {
      return entries.size;
    },
    find(settingsKey, shape) {
      const key = settingsKey + shape.key;
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      const found = entry.variants.get(valuesKey(shape, entry.binding));
      if (found !== undefined && entries.size * 2 > config.shapesMax) {
        entries.delete(key);
        entries.set(key, entry);
      }
      return found;
    },
    keep(settingsKey, shape, binding, analysis) {
      const key = settingsKey + shape.key;
      let entry = entries.get(key);
      if (entry === undefined) {
        entry = { binding, variants: new Map() };
        entries.set(key, entry);
        if (entries.size > config.shapesMax) entries.delete(entries.keys().next().value!);
      }
      const known = entry.binding;
      if (binding.some((index) => !known.includes(index))) {
        entry.binding = [...new Set([...known, ...binding])].sort((one, other) => one - other);
        entry.variants.clear();
      }
      if (entry.variants.size >= config.variantsPerShapeMax) entry.variants.clear();
      entry.variants.set(valuesKey(shape, entry.binding), analysis);
    },
    clear: () => entries.clear(),
  };
}
