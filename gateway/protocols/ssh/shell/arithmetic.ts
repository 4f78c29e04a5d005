/**
 * Expansions that run code by themselves in bash and ksh: arithmetic takes a variable's value for an expression, whose array index may
 * hold a command substitution (`x='a[$(rm f)]'; echo $((x))`), and so do `${!x}` and `${x@P}`.
 */
import type { ArithmeticExpression, SyntaxNode, TestExpression } from 'unbash';
import type { Argument } from './command-line.ts';
import type { Scope } from './found.ts';
import { holdsCode } from './holds-code.ts';
import { HARMLESS } from './programs/names.ts';
import { handlerOf } from './programs/registry.ts';
import { knownText } from './words.ts';
import type { TreeWalk } from './walk.ts';

const unsure = (text: string): Argument => ({ text, sure: 'unknown' });

/** Looks at nodes of one walk. */
export function createArithmetic(walk: TreeWalk): { look(node: SyntaxNode, scope: Scope): void } {
  const names = (text: string): void => {
    for (const [name] of text.matchAll(/[A-Za-z_]\w*/g)) walk.computed.add(name);
    if (/\$[@*\d{]/.test(text)) walk.computed.add('*');
  };
  const maybe = (name: string, scope: Scope): void => {
    if (HARMLESS.has(name) || handlerOf(name) !== undefined)
      walk.opaque('shells read it differently', name, scope.parent);
    if (walk.found.possible.length >= walk.limits.programsMax) return;
    walk.found.possible.push({
      name,
      path: name,
      args: [unsure('...')],
      through: scope.through,
      remote: scope.remote,
      privileged: scope.privileged,
      parent: scope.parent,
    });
  };
  return {
    look(node, scope) {
      switch (node.type) {
        case 'ArithmeticWord':
          names(node.value);
          // Two words without an operator are no expression of bash, and a command of dash.
          if (/\s/.test(node.value.trim()))
            walk.opaque('shells read it differently', node.value, scope.parent);
          return;
        case 'ArithmeticCommand':
          // dash takes ((a || b)) for two subshells.
          if (/[;\n]/.test(node.body)) walk.opaque('shells read it differently', node.body, scope.parent);
          for (const name of wordsOf(node.expression)) maybe(name, scope);
          return;
        case 'ArithmeticExpansion':
          if (node.text.startsWith('$[')) walk.opaque('shells read it differently', node.text, scope.parent);
          return;
        case 'ParameterExpansion':
          if (node.prefix === '!') walk.opaque('arithmetic that may run code', node.text, scope.parent);
          if (node.index !== undefined && !/^[@*\d]*$/.test(node.index.value)) names(node.index.value);
          if (node.operation?.type === 'Transform')
            walk.opaque('arithmetic that may run code', node.text, scope.parent);
          if (node.operation?.type === 'Slice') {
            names(node.operation.offset.value);
            names(node.operation.length?.value ?? '');
          }
          if (node.operation?.type === 'Unknown') walk.opaque('does not parse', node.text, scope.parent);
          // Quotes inside of braces end in other places in other shells.
          if (node.operation !== undefined && /['"\\]/.test(node.text))
            walk.opaque('shells read it differently', node.text, scope.parent);
          if (node.operation?.type === 'Default' && node.operation.operator.includes('='))
            walk.tainted.add(node.parameter);
          return;
        case 'AnsiCQuoted':
          // Only bash and its like know $'..\'..'; to dash the quote ends there.
          if (node.text.includes("\\'")) walk.opaque('shells read it differently', node.text, scope.parent);
          return;
        case 'TestCommand':
          return lookAtTest(walk, node.expression, scope, names, maybe);
        default:
      }
    },
  };
}

const NUMBER_TESTS = new Set(['-eq', '-ne', '-lt', '-le', '-gt', '-ge']);

function lookAtTest(
  walk: TreeWalk,
  test: TestExpression,
  scope: Scope,
  names: (text: string) => void,
  maybe: (name: string, scope: Scope) => void,
): void {
  if (test.type === 'TestUnary') {
    if (test.operator === '-v' || test.operator === '-R') {
      const text = knownText(test.operand);
      if (text === null || !/^\w+$/.test(text))
        walk.opaque('arithmetic that may run code', test.operand.text, scope.parent);
    }
  } else if (test.type === 'TestBinary') {
    if (NUMBER_TESTS.has(test.operator))
      for (const operand of [test.left, test.right]) {
        names(operand.value);
        if (holdsCode(knownText(operand) ?? ''))
          walk.opaque('arithmetic that may run code', operand.text, scope.parent);
      }
    // dash redirects here.
    if (test.operator === '>') walk.file(test.right.value, 'write', scope.parent);
  } else if (test.type === 'TestLogical') {
    for (const operand of test.operands.slice(1)) {
      const first = firstWord(operand);
      if (first !== null) maybe(first, scope);
    }
    for (const operand of test.operands) lookAtTest(walk, operand, scope, names, maybe);
  } else lookAtTest(walk, test.type === 'TestNot' ? test.operand : test.expression, scope, names, maybe);
}

function firstWord(test: TestExpression): string | null {
  switch (test.type) {
    case 'TestUnary':
      return test.operand.value;
    case 'TestBinary':
      return test.left.value;
    case 'TestGroup':
      return firstWord(test.expression);
    case 'TestNot':
      return firstWord(test.operand);
    default:
      return test.operands[0] === undefined ? null : firstWord(test.operands[0]);
  }
}

function wordsOf(expression: ArithmeticExpression | undefined): readonly string[] {
  if (expression === undefined) return [];
  switch (expression.type) {
    case 'ArithmeticWord':
      return /^[A-Za-z_]\w*/.test(expression.value.trim()) ? [expression.value.trim().split(/\s/)[0]!] : [];
    case 'ArithmeticBinary':
      return [...wordsOf(expression.left), ...wordsOf(expression.right)];
    case 'ArithmeticUnary':
      return wordsOf(expression.operand);
    case 'ArithmeticGroup':
      return wordsOf(expression.expression);
    case 'ArithmeticTernary':
      return [expression.test, expression.consequent, expression.alternate].flatMap(wordsOf);
    default:
      return [];
  }
}
