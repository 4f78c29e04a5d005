/**
 * Decision logs in OPA's format (openpolicyagent.org: "Decision Logs"): to a file, one JSON object a line, or to a server, POST
 * URL/logs with a gzipped array. Bounded; what is dropped is counted. The gateway's own events have every decision anyway.
 */
import { appendFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import type { Timer } from '../../../platform/clock/clock.ts';
import type { DecisionLogConfig } from '../../../schemas/config/policy-engines.ts';
import type { PolicyDecision } from '../decision.ts';
import type { Asked, EngineDeps } from '../engine.ts';
import { bearer, createServerCaller, type ServerCaller } from '../http-call.ts';
import { erase } from './erase.ts';

export interface LoggedDecision {
  readonly path: string;
  readonly revision: string;
  /** JSON of the input. */
  readonly document: string;
  readonly asked: Asked;
  readonly decision: PolicyDecision;
  readonly cached: boolean;
}

export interface DecisionLog {
  readonly takesCached: boolean;
  write(logged: LoggedDecision): void;
  /** Sends what waits and ends. */
  close(): Promise<void>;
}

const BATCH_MAX = 500;
const TIMEOUT_MS = 10_000;

export function createDecisionLog(
  deps: EngineDeps & { readonly gatewayId: string; readonly programVersion: string },
  config: DecisionLogConfig,
): DecisionLog {
  const { clock, log } = deps;
  const waiting: object[] = [];
  const dropped = deps.metrics.counter(
    'countersign_policy_decision_log_dropped_total',
    'Records of the decision log that found no room.',
  );
  const caller = callerOf(deps, config);
  let flushing: Promise<void> | undefined;
  let failing = false;

  const send = async (records: readonly object[]): Promise<void> => {
    const lines = records.map((record) => JSON.stringify(record));
    if (config.file !== undefined) await appendFile(config.file, `${lines.join('\n')}\n`, { mode: 0o600 });
    if (caller === undefined || config.url === undefined) return;
    const token = config.token === undefined ? null : await deps.readSecret(config.token);
    const answer = await caller.call(`${config.url.replace(/\/+$/, '')}/logs`, {
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip', ...bearer(token) },
      body: gzipSync(`[${lines.join(',')}]`),
    });
    if (!answer.ok) throw new Error(answer.reason);
    if (answer.status >= 300) throw new Error(`HTTP ${answer.status}`);
  };
  const flushAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const records = waiting.slice(0, BATCH_MAX);
      try {
        await send(records);
      } catch (error) {
        if (!failing) log.warn({ error }, 'decision logs cannot be sent; they wait');
        failing = true;
        return;
      }
      failing = false;
      // Some may have been dropped at the front meanwhile.
      for (const record of records) if (waiting[0] === record) waiting.shift();
    }
  };
  const flush = (): Promise<void> => {
    flushing ??= flushAll().finally(() => (flushing = undefined));
    return flushing;
  };
  const timer: Timer = clock.every(config.flushMs, () => {
    flush().catch(() => undefined);
  });

  return {
    takesCached: config.cached,
    write(logged) {
      waiting.push(recordOf(deps, logged, config.erase));
      if (waiting.length > config.bufferedMax) {
        waiting.shift();
        dropped.add();
      }
      if (waiting.length >= BATCH_MAX && !failing) flush().catch(() => undefined);
    },
    async close() {
      timer.cancel();
      await flush();
      caller?.close();
    },
  };
}

function callerOf({ clock }: EngineDeps, { url, caFile }: DecisionLogConfig): ServerCaller | undefined {
  if (url === undefined) return undefined;
  return createServerCaller(clock, {
    timeoutMs: TIMEOUT_MS,
    answerBytesMax: 65_536,
    connectionsMax: 1,
    ...(caFile === undefined ? {} : { caFile }),
  });
}

function recordOf(
  deps: EngineDeps & { readonly gatewayId: string; readonly programVersion: string },
  logged: LoggedDecision,
  pointers: readonly string[],
): object {
  const { asked, document, path, revision, decision, cached } = logged;
  const input = JSON.parse(document) as { readonly client: { readonly ip: string } };
  const now = deps.clock.now();
  const record: Record<string, unknown> = {
    labels: { app: 'countersign', id: deps.gatewayId, version: deps.programVersion },
    decision_id: deps.random.uuidv7(now),
    ...(revision === '' ? {} : { bundles: { countersign: { revision } } }),
    path,
    input,
    ...(asked.ok && !cached ? { result: asked.result ?? null } : {}),
    ...(asked.ok ? {} : { error: { code: asked.error.code, message: asked.error.message } }),
    requested_by: input.client.ip,
    timestamp: new Date(now).toISOString(),
    metrics: asked.ok ? { timer_rego_query_eval_ns: asked.micros * 1000 } : {},
    // Of ours: what the gateway made of the answer.
    custom: { countersign: { outcome: decision.outcome, rule: decision.rule, cached } },
  };
  return erase(record, pointers);
}
