/** Whether something that a role needs can be reached: asked again and again, and in doubt after a while without an answer. */
import type { Clock, Timer } from '../platform/clock/clock.ts';
import type { EventLog } from '../platform/event-log/event-log.ts';
import type { Role } from '../platform/lifecycle/role.ts';
import { TOPICS } from '../schemas/topics.ts';

export interface Reachability {
  /** What cannot be reached for too long, and why; undefined while all is well. */
  problem(): string | undefined;
  stop(): void;
}

const PROBE_MS = 1000;

/** `probe` resolves when it was reached; a probe that hangs counts as no answer. One at a time. */
export function watchReachability(
  { clock }: { readonly clock: Clock },
  { name, awayMs }: { readonly name: string; readonly awayMs: number },
  probe: () => Promise<unknown>,
): Reachability {
  let reachedUs = clock.monotonicUs();
  let asking = false;
  let reason = 'no answer';
  const ask = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    try {
      await probe();
      reachedUs = clock.monotonicUs();
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    } finally {
      asking = false;
    }
  };
  const timer: Timer = clock.every(Math.min(PROBE_MS, awayMs), () => void ask());
  return {
    problem: () =>
      clock.monotonicUs() - reachedUs > awayMs * 1000 ? `${name} cannot be reached: ${reason}` : undefined,
    stop: () => timer.cancel(),
  };
}

/** The role, not ready as well while one of these has a problem. */
export function withReachability(role: Role, problems: readonly (() => string | undefined)[]): Role {
  return {
    name: role.name,
    start: () => role.start(),
    stop: (graceMs) => role.stop(graceMs),
    health() {
      const own = role.health();
      if (!own.ready) return own;
      const reason = problems.map((problem) => problem()).find((found) => found !== undefined);
      return reason === undefined ? own : { ready: false, reason };
    },
  };
}

/** Whether the event log answers. */
export const watchEventLog = (
  { clock, eventLog }: { readonly clock: Clock; readonly eventLog: Pick<EventLog, 'endOffsets'> },
  awayMs: number,
): Reachability =>
  watchReachability({ clock }, { name: 'the event log', awayMs }, () =>
    eventLog.endOffsets(TOPICS.control.name),
  );
