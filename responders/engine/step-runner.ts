/** Carries out one step: intended before the end in the log; once for each key, also when detections come at the same time. */
import type { Incident, ResponseState, ResponseStep } from '../../schemas/types.ts';
import type { Clock, Random } from '../../platform/clock/clock.ts';
import type { Metrics } from '../../platform/metrics/metrics.ts';
import type { ActionOutcome, ActionServices } from '../actions/action.ts';
import type { Playbook, Step } from '../playbooks/playbook.ts';
import type { PlaybookMode } from '../playbooks/schema.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import type { Publisher } from './publisher.ts';
import type { ResponseLedger } from './response-ledger.ts';

export interface StepOrder {
  readonly playbook: Playbook;
  readonly step: Step;
  readonly subject: string;
  readonly incident: Incident;
  readonly detectionId: string;
  readonly mode: PlaybookMode;
  /** In plain words. */
  readonly reason: string;
  readonly releases: number;
}

export interface StepEnd {
  /** `aborted`: the responder stops; the step goes on after the restart. */
  readonly state: ResponseState | 'aborted';
  readonly detail: string;
  readonly lockoutId: string | null;
  /** Containment was wanted and is not there: somebody must decide. */
  readonly needsPerson: boolean;
}

export interface StepRunner {
  run(order: StepOrder): Promise<StepEnd>;
  /** Records a step that has no subject in this detection. */
  skip(order: StepOrder, detail: string): Promise<StepEnd>;
}

export interface StepRunnerConfig {
  readonly attemptsMax: number;
  readonly retryDelayMs: number;
  readonly retryDelayMsMax: number;
}

interface Dependencies {
  readonly publisher: Publisher;
  readonly ledger: ResponseLedger;
  readonly services: ActionServices;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly signal: AbortSignal;
}

const DETAIL_CHARACTERS_MAX = 2000;

export function createStepRunner(deps: Dependencies, config: StepRunnerConfig): StepRunner {
  const { publisher, ledger, services, clock, random, signal } = deps;
  const inFlight = new Map<string, Promise<StepEnd>>();
  const steps = deps.metrics.counter('countersign_responder_steps_total', 'Steps of playbooks by end.', [
    'action',
    'state',
  ]);

  const keyOf = ({ incident, playbook, step, subject, releases }: StepOrder): string =>
    idempotencyKeyOf({
      incidentId: incident.incidentId,
      playbook: playbook.name,
      step: step.id,
      subject,
      releases,
    });

  const write = async (
    order: StepOrder,
    responseId: string,
    state: ResponseState,
    detail: string,
    durationUs = 0,
  ): Promise<ResponseStep> => {
    const record: ResponseStep = {
      responseId,
      time: clock.now(),
      incidentId: order.incident.incidentId,
      detectionId: order.detectionId,
      playbook: order.playbook.name,
      playbookVersion: order.playbook.version,
      step: order.step.id,
      action: order.step.action.name,
      subject: order.subject,
      state,
      detail: detail.slice(0, DETAIL_CHARACTERS_MAX),
      idempotencyKey: keyOf(order),
      durationUs: Math.round(durationUs),
      exerciseId: order.incident.exerciseId,
    };
    await publisher.response(record);
    ledger.put(record);
    if (state !== 'intended') steps.add(1, { action: record.action, state });
    return record;
  };

  const attempt = async (order: StepOrder): Promise<ActionOutcome | 'aborted'> => {
    const attemptsMax = order.step.onFailure === 'retry' ? config.attemptsMax : 1;
    for (let tried = 1; ; tried += 1) {
      let outcome: ActionOutcome;
      try {
        outcome = await order.step.action.run(
          {
            parameters: order.step.parameters,
            subject: order.subject,
            incident: order.incident,
            playbook: order.playbook,
            reason: order.reason,
            idempotencyKey: keyOf(order),
            signal,
          },
          services,
        );
      } catch (error) {
        // A bug in an action must not keep the steps after it from being done.
        outcome = {
          state: 'failed',
          detail: `error in the action: ${(error as Error).message}`,
          passing: false,
        };
      }
      if (signal.aborted && outcome.state === 'failed') return 'aborted';
      if (outcome.state !== 'failed' || !outcome.passing || tried >= attemptsMax) return outcome;
      const delayMs = Math.min(config.retryDelayMsMax, config.retryDelayMs * 2 ** (tried - 1));
      // Half of the delay by chance: many responders must not come back at the same time.
      try {
        await clock.sleep(delayMs / 2 + (random.float() * delayMs) / 2, signal);
      } catch {
        return 'aborted';
      }
    }
  };

  const act = async (order: StepOrder, known: ResponseStep | undefined): Promise<StepEnd> => {
    const started = clock.monotonicUs();
    const isKnown = known?.state === 'intended';
    const responseId = isKnown ? known.responseId : random.uuidv7(clock.now());
    const intending = isKnown ? Promise.resolve() : write(order, responseId, 'intended', order.reason);
    // An attacker does not wait for the log. What contains has a key, so a responder that comes after a crash before the record does it
    // again without effect; a message would be sent twice.
    const acting = order.step.action.containing ? attempt(order) : intending.then(() => attempt(order));
    await Promise.allSettled([intending, acting]);
    await intending;
    const outcome = await acting;
    if (outcome === 'aborted')
      return { state: 'aborted', detail: 'the responder stops', lockoutId: null, needsPerson: false };
    const durationUs = clock.monotonicUs() - started;
    await write(order, responseId, outcome.state, outcome.detail, durationUs);
    return {
      state: outcome.state,
      detail: outcome.detail,
      lockoutId: outcome.state === 'done' ? (outcome.lockoutId ?? null) : null,
      needsPerson:
        order.step.action.containing &&
        (outcome.state === 'failed' || (outcome.state === 'skipped' && outcome.needsPerson)),
    };
  };

  const endOf = (known: ResponseStep, order: StepOrder): StepEnd => ({
    state: known.state,
    detail: known.detail,
    lockoutId: null,
    needsPerson: order.step.action.containing && (known.state === 'asked' || known.state === 'failed'),
  });

  /** Is what is known of the step its end also for this order? */
  const settles = (known: ResponseStep, order: StepOrder): boolean => {
    if (known.state === 'intended') return false;
    if (known.state === 'asked' || known.state === 'observed') return order.mode !== 'act';
    // What a person declined is not asked again within the incident.
    if (known.state === 'skipped' && order.mode === 'ask') return true;
    // A later detection of the same incident tries again what failed or what the budget refused.
    if (known.state === 'failed' || known.state === 'skipped') return known.detectionId === order.detectionId;
    return true;
  };

  const start = async (order: StepOrder): Promise<StepEnd> => {
    const known = ledger.get(keyOf(order));
    if (known !== undefined && settles(known, order)) return endOf(known, order);
    const mayDo = order.mode === 'act' || known?.state === 'intended';
    if (mayDo || (order.mode === 'ask' && !order.step.action.containing)) return act(order, known);
    const asks = order.mode === 'ask';
    const detail = asks
      ? `waits for a person to confirm: ${order.reason}`
      : `would have been done: ${order.reason}`;
    const record = await write(order, random.uuidv7(clock.now()), asks ? 'asked' : 'observed', detail);
    return endOf(record, order);
  };

  return {
    run(order) {
      const key = keyOf(order);
      const running = inFlight.get(key);
      if (running !== undefined) return running;
      const run = start(order).finally(() => inFlight.delete(key));
      inFlight.set(key, run);
      return run;
    },
    async skip(order, detail) {
      const known = ledger.get(keyOf(order));
      if (known === undefined) await write(order, random.uuidv7(clock.now()), 'skipped', detail);
      return { state: 'skipped', detail, lockoutId: null, needsPerson: false };
    },
  };
}
