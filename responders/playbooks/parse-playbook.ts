import Value from 'typebox/value';
import { sha256Hex } from '../../platform/digest/sha256.ts';
import { readCheckedYaml, type Checked, type Problem } from '../../platform/config/checked-yaml.ts';
import { LineCounter, isMap, isScalar, isSeq, parseDocument, type Node } from 'yaml';
import type { ActionServices } from '../actions/action.ts';
import { ACTIONS, actionNamed } from '../actions/registry.ts';
import type { Playbook, Step } from './playbook.ts';
import { PlaybookFile } from './schema.ts';

/** Line of a field of the n-th step, or of the step where the field is not there. */
function stepLine(text: string, index: number, field: string): number {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const steps = document.get('steps');
  const step = isSeq(steps) ? (steps.items[index] as Node | undefined) : undefined;
  const pair = isMap(step)
    ? step.items.find((item) => isScalar(item.key) && item.key.value === field)
    : undefined;
  const position = ((pair?.key ?? step) as Node | undefined)?.range?.[0];
  return position === undefined ? 1 : lines.linePos(position).line;
}

/**
 * Reads one playbook; every mistake comes with file, line and reason. Steps are held against the schema of their action, and
 * against what is configured (`services`, where given).
 */
export function parsePlaybook(file: string, text: string, services?: ActionServices): Checked<Playbook> {
  const checked = readCheckedYaml(file, text, PlaybookFile);
  if (!checked.ok) return checked;
  const read = checked.value;
  const problems: Problem[] = [];
  const steps: Step[] = [];
  for (const [index, step] of read.steps.entries()) {
    const problem = (field: string, reason: string): void => {
      const line = stepLine(text, index, field);
      problems.push({ file, line, path: `steps.${index}.${field}`, reason });
    };
    if (steps.some((other) => other.id === step.id)) problem('id', `there are two steps ${step.id}`);
    const action = actionNamed(step.action);
    if (action === undefined) {
      const known = ACTIONS.map((each) => each.name).join(', ');
      problem('action', `no action ${step.action}; known: ${known}`);
      continue;
    }
    const parameters = Value.Default(action.parameters, structuredClone(step.with)) as Record<
      string,
      unknown
    >;
    if (!Value.Check(action.parameters, parameters)) {
      const first = Value.Errors(action.parameters, parameters)[0];
      problem('with', `${action.name}: ${first?.instancePath ?? ''} ${first?.message ?? 'is wrong'}`);
      continue;
    }
    const stopped = services === undefined ? undefined : action.preflight(parameters, services);
    if (stopped !== undefined) problem('with', stopped);
    steps.push({ id: step.id, action, parameters, onFailure: step.onFailure });
  }
  if (problems.length > 0) return { ok: false, problems };
  const ordered = [
    ...steps.filter(({ action }) => action.containing),
    ...steps.filter(({ action }) => !action.containing),
  ];
  const version = sha256Hex(text, 16);
  return { ok: true, value: { ...read, budget: read.budget ?? null, steps: ordered, version, file } };
}
