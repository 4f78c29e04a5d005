/** `countersign policy dry-run`: what other rules would have said to recorded history. Changes nothing. */
import { createBuiltInPolicy } from '../../gateway/policy/built-in-policy.ts';
import type { DirectPolicy, PolicyDecision } from '../../gateway/policy/decision.ts';
import { MinuteCounter } from '../../gateway/sessions/request-rates.ts';
import { formatProblem } from '../../platform/config/checked-yaml.ts';
import { createCodec } from '../../schemas/codec.ts';
import type { Outcome, Request, Response, SessionEvent } from '../../schemas/types.ts';
import type { CliContext } from '../../cli/context.ts';
import { exportedEvents } from '../../cli/commands/events.ts';
import { clip, formatTime } from '../../cli/output.ts';
import { readRules } from './read-rules.ts';

export interface DryRunOptions {
  since: string;
  until?: string;
  identity?: string;
  exercises?: boolean;
  limit: number;
}

export interface Changed {
  readonly time: number;
  readonly identity: string;
  readonly connection: string;
  readonly text: string;
  readonly before: Outcome;
  readonly now: Outcome | 'cut_off';
  readonly rule: string;
  readonly reason: string;
  readonly requestId: string;
}

interface Waiting {
  readonly decision: PolicyDecision;
  readonly event: SessionEvent;
  readonly body: Request;
}

/** Requests that wait for their response; more are forgotten, oldest first. */
const WAITING_MAX = 100_000;
const COUNTERS_MAX = 100_000;

/** Takes events in the order of the log and tells what would have been otherwise. */
export function createDryRun(policy: DirectPolicy) {
  const waiting = new Map<string, Waiting>();
  const counters = new Map<string, MinuteCounter>();
  const counts: Record<Outcome | 'cut_off', number> = {
    allow: 0,
    mask: 0,
    hold_verdict: 0,
    hold_approval: 0,
    deny: 0,
    cut_off: 0,
  };
  let requests = 0;

  const rate = (key: string, time: number): number => {
    let counter = counters.get(key);
    if (counter === undefined) {
      if (counters.size >= COUNTERS_MAX) counters.delete(counters.keys().next().value!);
      counters.set(key, (counter = new MinuteCounter()));
    }
    return counter.add(Math.floor(time / 1000));
  };
  const changed = (
    { time, identity, target, requestId }: SessionEvent,
    body: Request,
    now: Changed['now'],
    { rule, reason }: Pick<PolicyDecision, 'rule' | 'reason'>,
  ): Changed => ({
    time,
    identity: identity?.id ?? '',
    connection: target?.connection ?? '',
    text: body.text,
    before: body.decision.outcome,
    now,
    rule,
    reason,
    requestId: requestId ?? '',
  });
  const takeRequest = (event: SessionEvent, body: Request): Changed | undefined => {
    const { identity, client, target, time, session } = event;
    if (identity === null || client === null || target === null) return undefined;
    requests += 1;
    const decision = policy.decide({
      identity,
      client,
      target,
      actions: body.actions,
      risk: body.risk,
      fingerprint: body.fingerprint,
      now: time,
      usage: {
        identityRequestsLastMinute: rate(`i${identity.id}`, time),
        sessionRequestsLastMinute: rate(`s${session?.id ?? ''}`, time),
        rows: 0,
        bytes: 0,
      },
    });
    counts[decision.outcome] += 1;
    if (decision.limits !== undefined && event.requestId !== null) {
      waiting.set(event.requestId, { decision, event, body });
      if (waiting.size > WAITING_MAX) waiting.delete(waiting.keys().next().value!);
    }
    return decision.outcome === body.decision.outcome
      ? undefined
      : changed(event, body, decision.outcome, decision);
  };
  const takeResponse = (requestId: string, body: Response): Changed | undefined => {
    const asked = waiting.get(requestId);
    if (asked === undefined) return undefined;
    waiting.delete(requestId);
    const { rowsMax = Infinity, bytesMax = Infinity } = asked.decision.limits!;
    if (body.status !== 'ok' || (body.rows <= rowsMax && body.bytes <= bytesMax)) return undefined;
    counts.cut_off += 1;
    const reason = `${body.rows} rows, ${body.bytes} bytes`;
    return changed(asked.event, asked.body, 'cut_off', { rule: asked.decision.rule, reason });
  };
  return {
    /** What would have been otherwise, if anything. */
    take(event: SessionEvent): Changed | undefined {
      const { body, requestId } = event;
      if (body.kind === 'request') return takeRequest(event, body);
      return body.kind === 'response' && requestId !== null ? takeResponse(requestId, body) : undefined;
    },
    totals: () => ({ requests, ...counts }),
  };
}

const number = (value: number): string => value.toLocaleString('en-US');

function summary(requests: number, changes: ReadonlyMap<string, number>): string {
  if (changes.size === 0) return `Would have changed nothing in ${number(requests)} requests.`;
  const words: Readonly<Record<string, string>> = {
    deny: 'denied',
    allow: 'allowed',
    mask: 'masked',
    hold_verdict: 'held for a verdict',
    hold_approval: 'held for an approval',
    cut_off: 'cut off',
  };
  const parts = [...changes].map(([outcome, count]) => `${words[outcome]} ${number(count)}`);
  return `Would have ${parts.join(', ')} of ${number(requests)} requests, otherwise than they were:`;
}

/** False where the policy has a mistake, or history could not be read. */
export async function dryRunPolicy(
  context: CliContext,
  named: readonly string[],
  options: DryRunOptions,
): Promise<boolean> {
  const read = readRules(named, context.environment);
  if (read.problems.length > 0) {
    context.stderr.write(`${read.problems.map(formatProblem).join('\n')}\n`);
    return false;
  }
  const run = createDryRun(createBuiltInPolicy({ rules: read.rules.map(({ rule }) => rule) }));
  const codec = createCodec('session-event');
  const shown: Changed[] = [];
  const changes = new Map<string, number>();
  let unreadable = 0;
  for await (const line of exportedEvents(context, options)) {
    if (line.trim() === '') continue;
    const decoded = codec.fromJson(JSON.parse(line));
    if (!decoded.ok) {
      unreadable += 1;
      continue;
    }
    const change = run.take(decoded.value);
    if (change === undefined) continue;
    changes.set(change.now, (changes.get(change.now) ?? 0) + 1);
    if (shown.length < options.limit) shown.push(change);
  }
  const { requests, ...outcomes } = run.totals();
  const total = [...changes.values()].reduce((sum, count) => sum + count, 0);
  const value = {
    from: read.from,
    requests,
    outcomes,
    changes: Object.fromEntries(changes),
    shown,
    unreadable,
  };
  context
    .output()
    .value(value, () =>
      [
        summary(requests, changes),
        ...shown.map(
          (one) =>
            `${formatTime(one.time)}  ${one.identity}  ${one.connection}  ${one.before} -> ${one.now} (${one.rule}: ${clip(one.reason)})  ${clip(one.text, 120)}`,
        ),
        ...(total > shown.length ? [`... and ${number(total - shown.length)} more (--limit).`] : []),
        ...(unreadable > 0 ? [`${number(unreadable)} events could not be read.`] : []),
      ].join('\n'),
    );
  return unreadable === 0;
}
