/** A remote OPA by its REST API (openpolicyagent.org: "Data API", Get a Document with Input). Without an answer in time it is a denial. */
import type { Timer } from '../../platform/clock/clock.ts';
import type { OpaConfig } from '../../schemas/config/policy-engines.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { Asked, Engine, EngineDeps } from './engine.ts';
import { policyError } from './errors.ts';
import { bearer, createServerCaller } from './http-call.ts';

const ANSWER_BYTES_MAX = 1024 * 1024;
/** While it is away it is asked so often whether it is back, milliseconds: a gateway that is not ready gets no commands that would show it. */
const PROBE_MS = 1000;

export function createOpaEngine(deps: EngineDeps, config: OpaConfig): Engine {
  const { clock, log } = deps;
  const { timeoutMs, connectionsMax, caFile } = config;
  const caller = createServerCaller(clock, {
    timeoutMs,
    connectionsMax,
    answerBytesMax: ANSWER_BYTES_MAX,
    ...(caFile === undefined ? {} : { caFile }),
  });
  const address = `${config.url.replace(/\/+$/, '')}/v1/data/${config.path.replace(/^\/+|\/+$/g, '')}`;
  let waiting = 0;
  let timer: Timer | undefined;
  let away: CountersignError | undefined;

  const unavailable = (reason: string): Asked => ({
    ok: false,
    error: policyError('POLICY_UNAVAILABLE', { reason }),
  });
  const read = (body: Buffer, micros: number): Asked => {
    try {
      const answer = JSON.parse(body.toString('utf8')) as { readonly result?: unknown } | null;
      if (typeof answer !== 'object' || answer === null) return unavailable('its answer is no object');
      return { ok: true, result: answer.result, micros };
    } catch {
      return unavailable('its answer is no JSON');
    }
  };
  const askServer = async (document: string): Promise<Asked> => {
    const begin = clock.monotonicUs();
    const token = config.token === undefined ? null : await deps.readSecret(config.token);
    const answer = await caller.call(address, {
      headers: { 'content-type': 'application/json', accept: 'application/json', ...bearer(token) },
      body: `{"input":${document}}`,
    });
    if (!answer.ok) return unavailable(answer.reason);
    if (answer.status !== 200) return unavailable(`HTTP ${answer.status}`);
    return read(answer.body, Math.round(clock.monotonicUs() - begin));
  };
  const ask = async (document: string): Promise<Asked> => {
    if (waiting >= config.waitingMax) return { ok: false, error: policyError('POLICY_OVERLOADED') };
    waiting += 1;
    try {
      const asked = await askServer(document);
      const fault = asked.ok ? undefined : asked.error;
      if (fault !== undefined && away === undefined)
        log.error(
          { code: fault.code, message: fault.message, hint: fault.hint },
          'the policy server is away',
        );
      if (fault === undefined && away !== undefined) log.info({}, 'the policy server answers again');
      away = fault;
      return asked;
    } catch (cause) {
      return unavailable(`its token cannot be read (${(cause as Error).name})`);
    } finally {
      waiting -= 1;
    }
  };
  return {
    path: config.path,
    // The server exchanges its policy by itself; what it said before is used for cacheMs at most.
    revision: () => '',
    onChange: () => undefined,
    ask,
    start() {
      timer = clock.every(PROBE_MS, () => {
        if (away !== undefined && waiting === 0) ask('{}').catch(() => undefined);
      });
      return Promise.resolve();
    },
    refresh: () => Promise.resolve(undefined),
    fault: () => away,
    close() {
      timer?.cancel();
      caller.close();
    },
  };
}
