/** Several parts as one role: started in order, stopped the other way round, ready when all are. */
import type { Role } from './role.ts';

export function joinRoles(name: string, parts: readonly Role[]): Role {
  return {
    name,
    async start() {
      for (const part of parts) await part.start();
    },
    async stop(graceMs) {
      await Promise.all(parts.toReversed().map((part) => part.stop(graceMs)));
    },
    health() {
      const states = parts.map((part) => part.health());
      const reasons = states.flatMap(({ reason }) => (reason === undefined ? [] : [reason]));
      return {
        ready: states.every(({ ready }) => ready),
        ...(reasons.length === 0 ? {} : { reason: reasons.join('; ') }),
        ...(states.some(({ failed }) => failed === true) ? { failed: true } : {}),
      };
    },
  };
}
