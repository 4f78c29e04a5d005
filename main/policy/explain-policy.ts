/** `countersign policy explain`: what the policy says to one command, by which rule, and which rules were near. */
import { createReplaceablePolicy } from '../../gateway/policy/replaceable-policy.ts';
import { inputOfCase } from '../../gateway/policy/case-input.ts';
import { createEnginePolicy } from '../../gateway/policy/create-policy.ts';
import type { DecisionInput, PolicyDecision } from '../../gateway/policy/decision.ts';
import { explainRules, type RuleExplained } from '../../gateway/policy/explain.ts';
import { createSystemClock, createSystemRandom } from '../../platform/clock/system-clock.ts';
import { formatProblem } from '../../platform/config/checked-yaml.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import { createPromMetrics } from '../../platform/metrics/prom-metrics.ts';
import type { CliContext } from '../../cli/context.ts';
import { cliError } from '../../cli/errors.ts';
import { identityIdOf } from '../../cli/issue-token.ts';
import type { IdentityRecord } from '../../schemas/api/identities.ts';
import type { PolicyCase } from '../../schemas/config/policy-case.ts';
import type { PolicyConfig } from '../../schemas/config/policy.ts';
import type { IdentityKind } from '../../schemas/types.ts';
import { createOwnSecretReader } from '../adapters/adapter-deps.ts';
import { programVersion } from '../version.ts';
import { createStatementAnalyser, type Analysis, type Unsure } from './analyse-statement.ts';
import { readRules, type ReadRules } from './read-rules.ts';

export interface ExplainOptions {
  identity: string;
  statement: string;
  connection?: string;
  protocol?: string;
  kind?: IdentityKind;
  group?: string[];
  credentialSource?: string;
  attribute?: string[];
  ip?: string;
  time?: string;
  reason?: string;
  ticket?: string;
  policy?: string[];
  config?: string;
}

/** Rules that fail by more are not near. */
const NEAR_MAX = 2;

/** The identity as the running installation has it; undefined where there is none, or it does not know it. */
async function lookUp(context: CliContext, id: string): Promise<IdentityRecord | undefined> {
  try {
    const page = await context.api().get<{ items: IdentityRecord[] }>('/v1/identities', { id });
    return page.items.find((record) => record.id === id);
  } catch {
    return undefined;
  }
}

function readAttributes(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw cliError('CLI_USAGE', { reason: `--attribute ${text} is not NAME=VALUE` });
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

async function inputFrom(
  context: CliContext,
  options: ExplainOptions,
  analysed: Analysis,
  protocol: string,
): Promise<DecisionInput> {
  const id = identityIdOf(options.identity);
  const known = await lookUp(context, id);
  const example: PolicyCase = {
    name: 'explain',
    outcome: 'deny',
    identity: id,
    kind: options.kind ?? known?.kind ?? 'human',
    groups: options.group ?? known?.groups ?? [],
    attributes: { ...known?.attributes, ...readAttributes(options.attribute ?? []) },
    protocol,
    connection: options.connection ?? 'any',
    ...(options.credentialSource === undefined ? {} : { credentialSource: options.credentialSource }),
    ...(options.ip === undefined ? {} : { ip: options.ip }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
    ...(options.ticket === undefined ? {} : { ticket: options.ticket }),
  };
  const now = options.time === undefined ? context.now() : Date.parse(options.time);
  if (Number.isNaN(now)) throw cliError('CLI_BAD_TIME', { text: options.time! });
  return { ...inputOfCase(example, analysed), now };
}

async function decide(context: CliContext, read: ReadRules, input: DecisionInput): Promise<PolicyDecision> {
  const deps = {
    clock: createSystemClock(),
    random: createSystemRandom(),
    log: silentLogger,
    metrics: createPromMetrics(),
    readSecret: createOwnSecretReader(context.environment),
    gatewayId: 'countersign policy explain',
    programVersion,
  };
  const engine = read.config === undefined ? undefined : createEnginePolicy(deps, withoutLog(read.config));
  const policy = createReplaceablePolicy(
    read.rules.map(({ rule }) => rule),
    engine,
  );
  await policy.start();
  try {
    return await policy.decide(input);
  } finally {
    await policy.close();
  }
}

/** What is only explained has not been decided. */
function withoutLog(config: PolicyConfig): PolicyConfig {
  const { decisionLog, ...rest } = config;
  return decisionLog === undefined ? config : rest;
}

/** False where the policy itself has a mistake. */
export async function explainPolicy(context: CliContext, options: ExplainOptions): Promise<boolean> {
  const named = options.policy ?? (options.config === undefined ? [] : [options.config]);
  const read = readRules(named, context.environment);
  if (read.problems.length > 0) {
    context.stderr.write(`${read.problems.map(formatProblem).join('\n')}\n`);
    return false;
  }
  const protocol = options.protocol ?? read.protocols.get(options.connection ?? '') ?? 'postgres';
  const analyser = createStatementAnalyser(createSystemClock());
  try {
    const analysed = await analyser.analyse(protocol, options.statement);
    const unsure = await analyser.unsure(protocol, options.statement);
    const input = await inputFrom(context, options, analysed, protocol);
    const decision: PolicyDecision =
      analysed.forcedDenial === null
        ? await decide(context, read, input)
        : { outcome: 'deny', ...analysed.forcedDenial };
    const rules = explainRules({ rules: read.rules.map(({ rule }) => rule) }, input);
    const shown = {
      from: read.from,
      decision,
      identity: input.identity,
      actions: input.actions,
      risk: input.risk,
      rules,
      withoutCatalogue: unsure,
    };
    context.output().value(shown, () => formatExplained(read.from, input, decision, rules, unsure));
    return true;
  } finally {
    await analyser.close();
  }
}

/** It has not asked the target: what may be otherwise there. */
function formatUnsure({ bySearchPath, notLookedInto }: Unsure): string[] {
  const said = [
    ...(bySearchPath.length === 0 ? [] : [`${list(bySearchPath)} by the search path of a new session alone`]),
    ...(notLookedInto.length === 0
      ? []
      : [`nothing of what stands behind ${list(notLookedInto)} (views, rules, triggers, functions)`]),
  ];
  return said.length === 0
    ? []
    : [`without the target's catalogue: ${said.join('; ')}. The gateway looks there before it decides.`];
}

const list = (words: readonly string[]): string => words.join(', ');

function formatExplained(
  from: string,
  input: DecisionInput,
  decision: PolicyDecision,
  rules: readonly RuleExplained[],
  unsure: Unsure,
): string {
  const { identity, actions, risk } = input;
  const does = actions.map(({ action, object, columns, whole }) =>
    [action, object, columns.length === 0 ? null : `(${list(columns)})`, whole ? 'whole' : null]
      .filter((part) => part !== null)
      .join(' '),
  );
  const { limits, approval, verdict } = decision;
  const matching = rules.filter(({ failing }) => failing.length === 0);
  const near = rules
    .filter(({ failing }) => failing.length > 0 && failing.length <= NEAR_MAX)
    .toSorted((one, other) => one.failing.length - other.failing.length);
  return [
    `${decision.outcome}, by ${decision.rule}: ${decision.reason}`,
    ...(limits === undefined ? [] : [`limits: ${JSON.stringify(limits)}`]),
    ...(approval === undefined ? [] : [`approval: ${JSON.stringify(approval)}`]),
    ...(verdict === undefined ? [] : [`hold: ${JSON.stringify(verdict)}`]),
    '',
    `who: ${identity.id} (${identity.kind}${identity.groups.length === 0 ? '' : `, in ${list(identity.groups)}`})`,
    `what: ${does.length === 0 ? 'touches nothing' : list(does)}; risk ${risk}`,
    ...formatUnsure(unsure),
    `policy: ${from}`,
    '',
    'Rules that match:',
    ...(matching.length === 0 ? ['  none'] : []),
    ...matching.map(
      ({ rule, outcome, unmet }) =>
        `  ${rule}: ${outcome}${unmet === null ? '' : `, but it denies: ${unmet}`}`,
    ),
    ...(near.length === 0 ? [] : ['', 'Rules that were near:']),
    ...near.map(({ rule, outcome, failing }) => `  ${rule}: ${outcome}, but not by ${list(failing)}`),
  ].join('\n');
}
