/** Rules in a few lines for tests. */
import type { FactValue } from '../../detector.ts';
import { BASE_TIME, caseView, makeCaseEvent, type CaseEvent } from '../case-event.ts';
import { compileRules } from '../sigma/compile.ts';
import type { LoadedRule } from '../sigma/rule-detector.ts';

export const DIRECTORY = { leftAt: () => undefined, ownerOf: () => undefined, timeZoneOf: () => 'UTC' };

export function plainRule(detection: string): string {
  const body = detection
    .trim()
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
  return `title: Test\nlogsource:\n  product: countersign\ndetection:\n${body}\n`;
}

export function compileOne(text: string, placeholders: Record<string, string[]> = {}): LoadedRule {
  const { rules, errors } = compileRules([{ path: 'test.yml', text }], placeholders);
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'));
  return rules.at(-1)!;
}

/** Whether a rule of one selection with the item fires for facts. */
export function matches(
  item: string,
  facts: Record<string, FactValue>,
  said: CaseEvent = {},
  placeholders = {},
): boolean {
  const { detector } = compileOne(plainRule(`sel:\n  ${item}\ncondition: sel`), placeholders);
  const view = caseView(makeCaseEvent(said, BASE_TIME, 1), facts);
  return (
    detector.onEvent(view, detector.createState(), { now: BASE_TIME, mayLearn: true, directory: DIRECTORY })
      .length > 0
  );
}

export function errorsOf(text: string): { code: string; line: number; reason: string; file: string }[] {
  return compileRules([{ path: 'test.yml', text }]).errors.map(({ code, line, reason, file }) => ({
    code,
    line,
    reason,
    file,
  }));
}
