/** A role of the main thread that is started again when it gives up. Threaded roles see to that themselves. */
import type { Clock, Timer } from '../../platform/clock/clock.ts';
import type { Role } from '../../platform/lifecycle/role.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Metrics } from '../../platform/metrics/metrics.ts';
import { createRestarts, RESTARTS, type RestartLimits } from './restarts.ts';

const LOOK_MS = 250;

/** `role` must be able to start again after its stop. */
export function createSupervisedRole(
  role: Role,
  deps: { readonly clock: Clock; readonly log: Logger; readonly metrics: Metrics },
  limits: RestartLimits = RESTARTS,
): Role {
  const restarts = createRestarts(role.name, deps, limits);
  let watch: Timer | undefined;
  const look = (): void => {
    if (role.health().failed !== true) return;
    restarts.run(async () => {
      await role.stop(0);
      await role.start();
    });
  };
  return {
    name: role.name,
    async start() {
      await role.start();
      watch = deps.clock.every(LOOK_MS, look);
    },
    async stop(graceMs) {
      watch?.cancel();
      await restarts.stop();
      await role.stop(graceMs);
    },
    health: () => role.health(),
  };
}
