/**
 * The outbox relay where several processes share a control store: each has one, and one at a time carries, so that the log has what
 * was published in commit order. A relay whose turn is over by its own watch stops; one that does not know it yet (a paused process)
 * is fenced by the log, since whoever takes over opens the same writer.
 */
import type { Random } from '../clock/clock.ts';
import type { EventLog, LogWriter } from '../event-log/event-log.ts';
import { createOutboxRelay, type OutboxRelay, type OutboxRelayDeps } from './outbox-relay.ts';
import { createTurn } from './turn.ts';

export interface SharedOutboxRelayDeps extends Omit<OutboxRelayDeps, 'writer' | 'mayCarry' | 'onFenced'> {
  readonly eventLog: EventLog;
  readonly random: Random;
}

export interface SharedOutboxRelayConfig {
  /** Name of this process, for the log of who waits for whom. */
  readonly name: string;
  /**
   * After this long without a sign of the process that carries, another one does; at once where the store knows that it is gone. Well
   * below the gateways' lease.
   */
  readonly holdMs?: number;
}

const WRITER = 'outbox';
const HOLD_MS = 1000;
const RETRY_MS = 200;

export function createSharedOutboxRelay(
  deps: SharedOutboxRelayDeps,
  { name, holdMs = HOLD_MS }: SharedOutboxRelayConfig,
): OutboxRelay {
  const { eventLog, clock, log, metrics, random } = deps;
  const gauge = metrics.gauge('countersign_outbox_turn', '1 while this process carries the outbox.');
  const stopping = new AbortController();
  let current: { readonly relay: OutboxRelay; readonly writer: LogWriter } | undefined;
  let problem: string | undefined;
  /** Openings and closings one after the other. */
  let order: Promise<void> = Promise.resolve();

  const end = async (): Promise<void> => {
    const ending = current;
    current = undefined;
    gauge.set(0);
    if (ending === undefined) return;
    await ending.relay.stop();
    await ending.writer.close();
  };
  const begin = async (): Promise<void> => {
    await end();
    while (turn.held()) {
      try {
        const writer = await eventLog.writer(WRITER);
        const relay = createOutboxRelay({
          ...deps,
          writer,
          mayCarry: () => turn.held(),
          // The turn says who goes on: whoever still has it opens the writer again. The store is asked, since it may have been taken over
          // before its time.
          onFenced: () =>
            inOrder(async () => {
              await turn.confirm().catch(() => undefined);
              await begin();
            }),
        });
        current = { relay, writer };
        problem = undefined;
        gauge.set(1);
        relay.start();
        return;
      } catch (error) {
        problem = (error as Error).message;
        log.warn({ error }, 'the event log gives no writer for the outbox; trying again');
        await clock.sleep(RETRY_MS, stopping.signal).catch(() => undefined);
      }
    }
  };
  const inOrder = (work: () => Promise<void>): void => {
    order = order
      .then(work)
      .catch((error: unknown) => log.warn({ error }, 'the outbox could not be handed over in order'));
  };
  const turn = createTurn(
    deps,
    {
      name: WRITER,
      holder: `${name}/${random.bytes(8).toString('hex')}`,
      holdMs,
      lookMs: Math.max(10, Math.floor(holdMs / 10)),
      fenced: true,
    },
    (held) => inOrder(held ? begin : end),
  );

  return {
    start: () => turn.start(),
    async stop() {
      stopping.abort();
      // What this process still carries is in the log before another one begins.
      inOrder(end);
      await order;
      await turn.stop();
      await order;
    },
    health() {
      if (current !== undefined) return current.relay.health();
      return problem === undefined || !turn.held()
        ? { ready: true }
        : { ready: false, reason: `outbox: ${problem}` };
    },
  };
}
