import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ConditionNode } from '../sigma/ast.ts';
import { parseCondition } from '../sigma/condition.ts';
import { RuleFault } from '../sigma/fault.ts';
import { compileOne, DIRECTORY, plainRule } from './support.ts';
import { BASE_TIME, caseView, makeCaseEvent } from '../case-event.ts';

function show(node: ConditionNode): string {
  if (node.kind === 'selection') return node.name;
  if (node.kind === 'of') return `${node.count ?? 'all'} of ${node.pattern}`;
  if (node.kind === 'not') return `not(${show(node.child)})`;
  return `(${node.children.map(show).join(` ${node.kind} `)})`;
}

/** Rewrites until one value is left: values for names, then not, and, or inside the innermost parentheses. */
function evaluate(text: string, values: Readonly<Record<string, boolean>>): boolean {
  let rest = text.replaceAll(/\b[abc]\b/g, (name) => (values[name] === true ? 'T' : 'F'));
  for (let before = ''; before !== rest;) {
    before = rest;
    rest = rest
      .replaceAll(/not ([TF])/g, (_, value: string) => (value === 'T' ? 'F' : 'T'))
      .replaceAll(/\(([TF]) and ([TF])\)/g, (_, l: string, r: string) => (l === 'T' && r === 'T' ? 'T' : 'F'))
      .replaceAll(/\(([TF]) or ([TF])\)/g, (_, l: string, r: string) => (l === 'T' || r === 'T' ? 'T' : 'F'));
  }
  assert.match(rest, /^[TF]$/);
  return rest === 'T';
}

describe('sigma: condition', () => {
  for (const [text, meant] of [
    ['a', 'a'],
    ['a and b or c', '((a and b) or c)'],
    ['a or b and c', '(a or (b and c))'],
    ['not a and b', '(not(a) and b)'],
    ['not not a', 'not(not(a))'],
    ['not (a or b) AND c', '(not((a or b)) and c)'],
    ['1 of them', '1 of them'],
    ['any of sel*', '1 of sel*'],
    ['all of sel_* and not 2 of f*', '(all of sel_* and not(2 of f*))'],
    ['android or ornot', '(android or ornot)'],
  ] as const)
    it(`reads ${text}`, () => assert.equal(show(parseCondition(text, 1)), meant));

  for (const text of [
    '',
    'a and',
    'and a',
    '(a',
    'a)',
    'a b',
    'sel*',
    '0 of them',
    'x of them',
    '1 of',
    '1 of (',
    'a & b',
    'not',
    'a or or b',
  ])
    it(`refuses "${text}"`, () =>
      assert.throws(
        () => parseCondition(text, 7),
        (error) => error instanceof RuleFault && error.code === 'SIGMA_CONDITION' && error.line === 7,
      ));

  it('refuses aggregations, and nesting and length over the bounds', () => {
    for (const [text, code] of [
      ['a | count() > 5', 'SIGMA_UNSUPPORTED'],
      [`${'('.repeat(200)}a${')'.repeat(200)}`, 'SIGMA_LIMIT'],
      [`${'not '.repeat(200)}a`, 'SIGMA_LIMIT'],
      [`a${' and a'.repeat(600)}`, 'SIGMA_LIMIT'],
    ] as const)
      assert.throws(
        () => parseCondition(text, 1),
        (error) => error instanceof RuleFault && error.code === code,
      );
  });

  it('agrees with the truth table for any expression', () => {
    const names = ['a', 'b', 'c'];
    const { node } = fc.letrec<{ node: string }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        fc.constantFrom(...names),
        tie('node').map((inner) => `not ${inner}`),
        fc
          .tuple(tie('node'), fc.constantFrom('and', 'or'), tie('node'))
          .map(([l, o, r]) => `(${l} ${o} ${r})`),
      ),
    }));
    const selections = names.map((name) => `${name}:\n  facts.${name}: true`).join('\n');
    fc.assert(
      fc.property(node, fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()), (text, [a, b, c]) => {
        const { detector } = compileOne(plainRule(`${selections}\ncondition: ${text}`));
        const view = caseView(makeCaseEvent({}, BASE_TIME, 1), { a, b, c });
        const fired =
          detector.onEvent(view, null, { now: 0, mayLearn: true, directory: DIRECTORY }).length > 0;
        assert.equal(fired, evaluate(text, { a, b, c }), text);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
