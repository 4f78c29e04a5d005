/** Ends in the targets what a crash of the gateway left there; a target that is away is tried again for a while. */
import type { LeftoverInTarget } from '../../gateway/sessions/create-sessions.ts';
import type { ProtocolDeps } from '../../gateway/protocols/protocol.ts';
import { findProtocol } from '../../gateway/protocols/registry.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Connections } from './connections.ts';

const ATTEMPTS_MAX = 60;
const RETRY_MS = 1000;

export interface LeftoverEnder {
  /** Resolves after the first attempt; further ones go on behind it. */
  end(leftover: LeftoverInTarget): Promise<void>;
  close(): void;
}

export function createLeftoverEnder(deps: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly connections: Pick<Connections, 'find'>;
  readonly protocolDeps: () => ProtocolDeps;
}): LeftoverEnder {
  const { clock, log, connections } = deps;
  const stopping = new AbortController();
  const attempt = async ({ connection, targetSession }: LeftoverInTarget): Promise<boolean> => {
    const found = connections.find(connection);
    if (found === undefined) {
      log.warn({ connection }, 'a crash left something in a target that is not configured any more');
      return true;
    }
    try {
      await findProtocol(found.protocol)?.endLeftover(deps.protocolDeps(), found, targetSession);
      return true;
    } catch (error) {
      log.warn({ error, connection }, 'what a crash left in a target could not be ended yet');
      return false;
    }
  };
  const tryAgain = async (leftover: LeftoverInTarget): Promise<void> => {
    for (let tries = 1; tries < ATTEMPTS_MAX; tries += 1) {
      await clock.sleep(RETRY_MS, stopping.signal);
      if (await attempt(leftover)) return;
    }
    log.error({ connection: leftover.connection }, 'what a crash left in a target was given up');
  };
  return {
    async end(leftover) {
      if (await attempt(leftover)) return;
      // Only stopping ends it early.
      tryAgain(leftover).catch(() => undefined);
    },
    close: () => stopping.abort(),
  };
}
