/**
 * A reload that is asked for at one gateway, at all gateways of its control store: one that went on with an older policy would let through what
 * the others deny. Who is asked reads its own files first; where these have a mistake nobody else is asked. Roles in other processes have no
 * control store: the answer names them.
 */
import { LEASES, LEASES_MAX } from '../gateway/control/lease.ts';
import type { Clock, Timer } from '../platform/clock/clock.ts';
import type { ControlStore } from '../platform/control-store/control-store.ts';
import type { Logger } from '../platform/log/log.ts';
import type { GatewayReload, LocalReload, ReloadAnswer } from '../schemas/api/reload.ts';
import { ROLES, type RoleName } from './roles.ts';

export interface ReloadEverywhere {
  /** Begins to hear of what is asked at other gateways. */
  start(): Promise<void>;
  reload(): Promise<ReloadAnswer>;
  stop(): void;
}

export interface ReloadEverywhereDeps {
  readonly store: ControlStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of this process. */
  readonly local: () => Promise<LocalReload>;
}

export interface ReloadEverywhereConfig {
  readonly gatewayId: string;
  /** That run in this process. */
  readonly roles: readonly RoleName[];
  /** For the answers of the other gateways. */
  readonly waitMs?: number;
}

type Asked = { readonly number: number; readonly by: string };
type Done = { readonly number: number; readonly applied: boolean; readonly reason: string };

const COLLECTION = 'reloads';
const ASKED = 'asked';
const doneOf = (gatewayId: string): string => `done/${gatewayId}`;
const LOOK_MS = 500;
const POLL_MS = 50;
const WAIT_MS = 10_000;
const REASON_CHARACTERS_MAX = 500;

/** In plain words, for the gateway that was asked. */
const reasonOf = ({ problems }: LocalReload): string =>
  problems
    .map(({ file, line, reason }) => `${file}:${line}: ${reason}`)
    .join('; ')
    .slice(0, REASON_CHARACTERS_MAX);

export function createReloadEverywhere(
  { store, clock, log, local }: ReloadEverywhereDeps,
  { gatewayId, roles, waitMs = WAIT_MS }: ReloadEverywhereConfig,
): ReloadEverywhere {
  /** Last one that this gateway has carried out; undefined before the start. */
  let seen = 0;
  let timer: Timer | undefined;
  let looking = false;

  const lastAsked = async (): Promise<number> =>
    (await store.get<Asked>(COLLECTION, ASKED))?.value.number ?? 0;
  const follow = async (): Promise<void> => {
    const number = await lastAsked();
    if (number <= seen) return;
    seen = number;
    let done: Done;
    try {
      const answer = await local();
      done = { number, applied: answer.applied, reason: reasonOf(answer) };
    } catch (error) {
      log.error({ error }, 'a reload that was asked for at another gateway failed');
      done = { number, applied: false, reason: (error as Error).message.slice(0, REASON_CHARACTERS_MAX) };
    }
    await store.transact((transaction) => transaction.put(COLLECTION, doneOf(gatewayId), done));
  };
  const look = (): void => {
    if (looking) return;
    looking = true;
    follow()
      .catch((error: unknown) => log.warn({ error }, 'whether a reload was asked for cannot be seen'))
      .finally(() => {
        looking = false;
      });
  };
  const ask = (): Promise<number> =>
    store.transact(async (transaction) => {
      const before = await transaction.get<Asked>(COLLECTION, ASKED);
      const number = (before?.value.number ?? 0) + 1;
      await transaction.put(COLLECTION, ASKED, { number, by: gatewayId });
      return number;
    });
  /** What the other gateways that live have said about it so far. */
  const heard = async (number: number): Promise<GatewayReload[]> => {
    const [leases, done] = await Promise.all([
      store.list(LEASES, { limit: LEASES_MAX }),
      store.list<Done>(COLLECTION, { prefix: doneOf(''), limit: LEASES_MAX }),
    ]);
    const said = new Map(done.map(({ id, value }) => [id, value]));
    return leases
      .filter(({ id }) => id !== gatewayId)
      .map(({ id }) => {
        const of = said.get(doneOf(id));
        if (of === undefined || of.number < number)
          return { gateway: id, outcome: 'silent', reason: 'it has not answered' };
        return { gateway: id, outcome: of.applied ? 'applied' : 'refused', reason: of.reason };
      });
  };
  const notReached = ROLES.filter((role) => !roles.includes(role));

  return {
    async start() {
      seen = await lastAsked();
      timer = clock.every(LOOK_MS, look);
    },
    async reload() {
      const answer = await local();
      if (!answer.applied) return { ...answer, gateways: [], notReached };
      const number = await ask();
      // What this gateway asks for it has done.
      if (number === seen + 1) seen = number;
      const endUs = clock.monotonicUs() + waitMs * 1000;
      for (;;) {
        const gateways = await heard(number);
        if (gateways.every(({ outcome }) => outcome !== 'silent') || clock.monotonicUs() >= endUs)
          return { ...answer, gateways, notReached };
        await clock.sleep(POLL_MS);
      }
    },
    stop: () => timer?.cancel(),
  };
}
