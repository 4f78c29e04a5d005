import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSources, withoutComments } from './sources.ts';

/** Collections that grow with what comes in, by the names that such things have here. */
const GROWING =
  /\b(?:const|let|readonly|private)?\s*#?(\w*(?:cache|queue|pending|waiting|backlog|buffered|inFlight)\w*)\s*(?::[^=;]+)?=\s*(?:new (?:Map|Set|WeakMap)\b|\[\])/gi;
const BOUND = /\b\w*(?:Max|_MAX|LIMIT|limit|capacity)\b|\bmax\b/;

/** Collections without a bound of their own, and what bounds them. */
const BOUNDED_ELSEWHERE: Readonly<Record<string, string>> = {
  'platform/clock/manual-clock.ts': 'timers of a test; whoever sets them bounds them',
};

describe('house: bounds', () => {
  const sources = readSources().filter(({ isTest }) => !isTest);

  it('every queue and cache has a bound in its file, or says what bounds it', () => {
    const unbounded = sources.flatMap(({ path, text }) => {
      if (BOUNDED_ELSEWHERE[path] !== undefined) return [];
      const code = withoutComments(text);
      if (BOUND.test(code)) return [];
      return [...code.matchAll(GROWING)].map((match) => `${path}: ${match[1]}`);
    });
    assert.deepEqual(unbounded, []);
  });

  it('finds what it looks for', () => {
    assert.ok('const pendingRequests = new Map<string, number>();'.match(GROWING));
    assert.ok('let queue: string[] = [];'.match(GROWING));
  });

  it('numbers in the configuration have their unit last', async () => {
    const { Config } = await import('../../schemas/config/config.ts');
    const UNITS =
      /(Ms|Bytes|Max|Min|Us|Percent|Ratio|Hours|Days|Minutes|Count|Iterations|port|Port|partitions|replicas|risk|Risk|Level|limit|version|Version)$/;
    const wrong: string[] = [];
    const walk = (schema: Record<string, unknown>, path: string): void => {
      const properties = (schema['properties'] ?? {}) as Record<string, Record<string, unknown>>;
      for (const [name, field] of Object.entries(properties)) {
        if (['integer', 'number'].includes(field['type'] as string) && !UNITS.test(name))
          wrong.push(`${path}${name}`);
        walk(field, `${path}${name}.`);
      }
      if (typeof schema['items'] === 'object') walk(schema['items'] as Record<string, unknown>, `${path}[].`);
      for (const branch of (schema['anyOf'] ?? []) as Record<string, unknown>[]) walk(branch, path);
    };
    walk(Config as unknown as Record<string, unknown>, '');
    assert.deepEqual(wrong, []);
  });
});
