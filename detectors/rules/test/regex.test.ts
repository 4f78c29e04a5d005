import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compileRegex } from '../sigma/regex.ts';

const FLAGS = { ignoreCase: false, multiline: false, dotAll: false };

describe('sigma: regular expressions', () => {
  it('agrees with the engine of the language for patterns of the flavour', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '[a-c]', '\\d', '\\w', '\\.', 'c');
    const quantifier = fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,2}', '{0,}', '*?');
    const { node } = fc.letrec<{ node: string }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 2 },
        fc.tuple(atom, quantifier).map(([a, q]) => a + q),
        fc.tuple(tie('node'), tie('node')).map(([l, r]) => l + r),
        fc.tuple(tie('node'), tie('node'), quantifier).map(([l, r, q]) => `(${l}|${r})${q}`),
        tie('node').map((inner) => `^(?:${inner})$`),
        tie('node').map((inner) => `\\b${inner}`),
      ),
    }));
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'A', '1', '.', ' ', '\n'), maxLength: 6 });
    let compared = 0;
    fc.assert(
      fc.property(
        node,
        text,
        fc.record({ ignoreCase: fc.boolean(), multiline: fc.boolean(), dotAll: fc.boolean() }),
        (pattern, input, flags) => {
          const test = compileRegex(pattern, flags);
          assert.ok(typeof test !== 'string', `${pattern}: ${String(test)}`);
          const letters = `${flags.ignoreCase ? 'i' : ''}${flags.multiline ? 'm' : ''}${flags.dotAll ? 's' : ''}`;
          assert.equal(
            test(input),
            new RegExp(pattern, letters).test(input),
            `${pattern} /${letters} on ${JSON.stringify(input)}`,
          );
          compared++;
        },
      ),
      { seed: 7, numRuns: 2000 },
    );
    assert.equal(compared, 2000);
  });

  it('takes steps in proportion to the text for patterns that make others run for ever', () => {
    const test = compileRegex('^(a+)+(a|aa)*(.*x)*$', FLAGS);
    assert.ok(typeof test !== 'string');
    assert.equal(test(`${'a'.repeat(20_000)}!`), false);
  });

  it('says why a pattern cannot be used', () => {
    for (const pattern of [
      '(?=a)',
      '(?<n>a)',
      '(?i)a',
      '\\1',
      '*a',
      'a**',
      '[a',
      '(a',
      'a)',
      'a{2,1}',
      'a{5000}',
      '[z-a]',
      '\\',
      '\\q',
      'a'.repeat(3000),
      '(?:(?:a{1000}){1000}){1000}',
    ])
      assert.equal(typeof compileRegex(pattern, FLAGS), 'string', pattern);
  });

  it('repeats of nothing cost nothing', () => {
    const test = compileRegex('(?:(?:(?:(?:){1000}){1000}){1000}){1000}', FLAGS);
    assert.ok(typeof test !== 'string');
    assert.equal(test(''), true);
  });
});
