/** The control API as responders reach it: calls and answers get lost on the way, and some calls arrive twice. */
import type { ControlResult } from '../../gateway/control/control-writer.ts';
import { isCountersignError } from '../../platform/errors/errors.ts';
import type { CallOptions, CallResult, ControlApi } from '../../responders/http/control-api.ts';
import type { Lockout } from '../../schemas/types.ts';
import type { GatewayProcess } from './gateway-process.ts';
import type { Life } from './life.ts';
import type { World } from './world.ts';

/** A lockout that the API called in force: from then on nothing may reach a target under it. */
export interface InForce {
  readonly lockout: Lockout;
  readonly revision: number;
}

const LOST_AFTER_MS = 300;
const unreachable = { ok: false, code: 'UNREACHABLE', message: 'simulated', passing: true } as const;

export interface ControlCallsDeps {
  readonly world: World;
  readonly life: Life;
  /** The gateway that serves the API, if it runs. */
  leader(): GatewayProcess | undefined;
  onInForce(known: InForce): void;
}

export function createControlCalls({ world, life, leader, onInForce }: ControlCallsDeps): ControlApi {
  const { chance, faults } = world;
  const way = (): Promise<void> => life.clock.sleep(chance.between(0, faults.delayMsMax));

  const answer = async <T>(work: () => Promise<T>): Promise<CallResult<T>> => {
    try {
      return { ok: true, value: await work() };
    } catch (error) {
      if (!isCountersignError(error)) throw error;
      return { ok: false, code: error.code, message: error.message, passing: error.status >= 500 };
    }
  };
  const valueOf = <T>(result: ControlResult<T>): T => {
    if (!result.ok) throw result.error;
    return result.value;
  };
  /** One call over the network; the gateway may die while it works on it. */
  const call = async <T>(
    what: string,
    options: CallOptions,
    work: (gateway: GatewayProcess) => Promise<T>,
  ): Promise<CallResult<T>> => {
    await way();
    const gateway = leader();
    if (gateway === undefined || chance.happens(faults.callLost)) {
      await life.clock.sleep(LOST_AFTER_MS);
      return unreachable;
    }
    world.trace(`call ${what} ${options.idempotencyKey.slice(0, 8)}`);
    const arrived = gateway.life.guard(answer(() => work(gateway)));
    if (chance.happens(faults.callDoubled)) {
      world.trace(`call ${what} arrives twice`);
      gateway.life.guard(answer(() => work(gateway))).catch(() => undefined);
    }
    const died = new Promise<CallResult<T>>((resolve) => {
      gateway.life.onEnd(() => resolve(unreachable));
    });
    const result = await life.guard(Promise.race([arrived, died]));
    await way();
    if (!chance.happens(faults.callReplyLost)) return result;
    await life.clock.sleep(LOST_AFTER_MS);
    return unreachable;
  };
  const lock = async (
    gateway: GatewayProcess,
    request: Parameters<ControlApi['lockOut']>[0],
    { idempotencyKey }: CallOptions,
  ): Promise<{ lockout: Lockout; outcome: 'in_force' | 'recorded'; revision: number }> => {
    const { lockout, revision } = valueOf(
      await gateway.control.lockout({
        by: `responder ${idempotencyKey}`,
        idempotencyKey,
        reason: request.reason,
        incidentId: request.incidentId ?? null,
        subjectKind: request.subjectKind,
        subject: request.subject,
        ttlMs: request.ttlMs ?? null,
        exerciseId: request.exerciseId ?? null,
        automation: { budget: request.budget },
      }),
    );
    const outcome = (await gateway.inForce(revision)) ? 'in_force' : 'recorded';
    if (outcome === 'in_force') onInForce({ lockout, revision });
    world.trace(`lockout ${lockout.subjectKind} ${lockout.subject} ${outcome} at ${revision}`);
    return { lockout, outcome, revision };
  };

  return {
    lockOut: (request, options) =>
      call('lockout', options, async (gateway) => {
        const { lockout, ...rest } = await lock(gateway, request, options);
        const { kind: _kind, ...shown } = lockout;
        return { ...rest, lockout: { ...shown, state: gateway.view.stateOf(lockout) } };
      }),
    endSession: (sessionId, why, options) =>
      call('end', options, async (gateway) => {
        const request = {
          subjectKind: 'session' as const,
          subject: sessionId,
          reason: why.reason,
          incidentId: why.incidentId,
          automated: true,
          wait: 'in_force' as const,
        };
        await lock(gateway, request, options);
        return { sessionId, outcome: 'ended' as const };
      }),
    revokeToken: (tokenId, why, options) =>
      call('revoke', options, async (gateway) => {
        const revoked = await gateway.control.revokeToken(tokenId, {
          by: `responder ${options.idempotencyKey}`,
          reason: why.reason,
          incidentId: why.incidentId,
          idempotencyKey: options.idempotencyKey,
          automation: {},
        });
        return { tokenId, revokedAt: revoked === undefined ? 0 : valueOf(revoked).revokedAt };
      }),
  };
}
