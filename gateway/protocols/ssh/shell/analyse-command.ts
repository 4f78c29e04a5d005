/** A command line to what the data path needs: actions, risk, fingerprint, text without secrets, and refusals of lists. */
import type { Action, RiskClass } from '../../../../schemas/types.ts';
import type { AnalyseOptions, CommandAnalyser, CommandAnalysis } from '../analysis.ts';
import { createListCheck } from '../commands/check.ts';
import { actionName, higherRisk } from '../../../policy/risk.ts';
import { ACTIONS, type ActionKind } from './actions.ts';
import { decodeLine } from './characters.ts';
import { createFound, type Found } from './found.ts';
import { fileDeeds } from './file-deeds.ts';
import { fingerprintOf } from './fingerprint.ts';
import { DEFAULT_LIMITS, type ShellLimits } from './limits.ts';
import { liftSecrets } from './secrets.ts';
import { walkLine } from './walk.ts';

/** What is found in a line, with the raw text kept apart from everything that is shown. */
export interface LineReading {
  readonly found: Found;
  readonly text: string;
}

/** Reads a line: everything that the grammar gives. Never throws. */
export function readLine(
  line: string,
  interactive: boolean,
  limits: ShellLimits = DEFAULT_LIMITS,
): LineReading {
  const { text, unusual } = decodeLine(line);
  if (Buffer.byteLength(text) > limits.lineBytesMax) {
    const found = createFound();
    found.opaque.push({ reason: 'too long', detail: `${Buffer.byteLength(text)} bytes`, by: null });
    return { found, text };
  }
  const found = safeWalk(text, limits, interactive);
  if (unusual !== null) found.opaque.push({ reason: 'unusual characters', detail: unusual, by: null });
  if (interactive && usesHistory(text))
    found.opaque.push({ reason: 'eval of what is not known', detail: 'history expansion', by: null });
  return { found, text };
}

/** A parser's own mistake must not let a line through. */
function safeWalk(text: string, limits: ShellLimits, interactive: boolean): Found {
  try {
    return walkLine(text, limits, interactive);
  } catch {
    const found = createFound();
    found.opaque.push({ reason: 'does not parse', detail: 'the parser failed', by: null });
    return found;
  }
}

/** `!!`, `!rm`, `!$`, `^a^b`: the shell puts older words in before it reads the line. */
const usesHistory = (line: string): boolean =>
  /^\s*\^[^^]*\^/.test(line) ||
  /(^|[^\\])![^\s=(]/.test(line.replace(/'[^']*'/g, "''").replace(/\$!|\[!|!=/g, ''));

/** Loads the parser once. */
export async function createCommandAnalyser(limits: ShellLimits = DEFAULT_LIMITS): Promise<CommandAnalyser> {
  const check = createListCheck();
  // The first line compiles the parser.
  readLine('true', false, limits);
  return {
    analyse(text, options) {
      return analyse(text, options, limits, check);
    },
  };
}

function analyse(
  line: string,
  options: AnalyseOptions,
  limits: ShellLimits,
  check: ReturnType<typeof createListCheck>,
): CommandAnalysis {
  const { found, text } = readLine(line, options.kind === 'line', limits);
  const { actions, risk } = actionsOf(found, limits);
  const shown = liftSecrets(text, found.secrets, options.hmac);
  const lift = (value: string): string => liftSecrets(value, found.secrets, options.hmac).text;
  const reasons = found.opaque.map(({ reason }) => reason);
  const first = found.opaque[0];
  const { refusal: refused, withoutInput } = check({ text, found, options });
  return {
    text: shown.text,
    actions: actions.map((action) =>
      action.object === null ? action : { ...action, object: lift(action.object) },
    ),
    objects: objectsOf(found).map(lift),
    risk,
    fingerprint: fingerprintOf(found.programs, reasons),
    programs: found.programs.map(({ name }) => name),
    opaque: first === undefined ? null : lift(`${first.reason}: ${first.detail}`),
    ...(refused === null ? {} : { forcedDenial: { rule: refused.rule, reason: lift(refused.reason) } }),
    ...(withoutInput ? { withoutInput } : {}),
  };
}

function objectsOf(found: Found): readonly string[] {
  const hosts = found.destinations.map(({ host, port }) => (port === null ? host : `${host}:${port}`));
  return [...new Set([...found.files.map(({ path }) => path), ...hosts])];
}

/** Actions of all that was found, each once, the gravest first where there are too many. */
export function actionsOf(found: Found, limits: ShellLimits): { actions: Action[]; risk: RiskClass } {
  const deeds: { kind: ActionKind; objectKind: string | null; object: string | null; whole: boolean }[] = [
    ...found.deeds,
    ...found.files.flatMap(fileDeeds),
    ...found.opaque.map(({ reason }) => ({
      kind: 'opaque_code' as const,
      objectKind: 'code',
      object: reason,
      whole: false,
    })),
  ];
  // A deed stands for a plain execution of the same thing, a graver kind for a lesser one.
  const byKey = new Map<string, { action: Action; risk: RiskClass }>();
  for (const { kind, objectKind, object, whole } of deeds) {
    const action: Action = { action: actionName(kind), objectKind, object, columns: [], whole };
    const key = `${action.action} ${objectKind ?? '-'} ${object ?? '-'}`;
    const before = byKey.get(key);
    const graver = before === undefined ? ACTIONS[kind].risk : higherRisk(before.risk, ACTIONS[kind].risk);
    byKey.set(key, { action: { ...action, whole: whole || before?.action.whole === true }, risk: graver });
  }
  const all = [...byKey.values()];
  const risk = all.reduce<RiskClass>((worst, one) => higherRisk(worst, one.risk), 'none');
  if (all.length <= limits.actionsMax) return { actions: all.map(({ action }) => action), risk };
  const order: readonly RiskClass[] = ['critical', 'high', 'medium', 'low', 'none'];
  const graveFirst = order
    .flatMap((level) => all.filter((one) => one.risk === level))
    .slice(0, limits.actionsMax - 1);
  const cut: Action = {
    action: 'opaque_code',
    objectKind: 'code',
    object: 'too complex',
    columns: [],
    whole: false,
  };
  return { actions: [...graveFirst.map(({ action }) => action), cut], risk: higherRisk(risk, 'high') };
}
