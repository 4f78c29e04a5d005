/**
 * The control API of several gateways as one. A call goes to the first gateway that was ready when it was last asked; where that one fails
 * or is slow, to the next: the idempotency key makes a call that arrives at two of them take effect once.
 */
import type { Clock, Timer } from '../../platform/clock/clock.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { CallOptions, CallResult, ControlApi } from './control-api.ts';

export interface GatewayWay {
  readonly url: string;
  readonly api: ControlApi;
  /** Resolves with whether the gateway is ready; never rejects. */
  readonly isReady: () => Promise<boolean>;
}

export interface Gateways extends ControlApi {
  /** Begins to ask the gateways; resolves when each has been asked once. */
  start(): Promise<void>;
  /** Whether any gateway was ready when it was last asked. */
  anyReady(): boolean;
  close(): void;
}

/** A lockout waits until it is in force, which takes milliseconds; after so long another gateway is asked as well. */
const SLOW_MS = 1500;

export function createGateways(
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  ways: readonly GatewayWay[],
  { probePeriodMs }: { readonly probePeriodMs: number },
): Gateways {
  const ready = new Map<GatewayWay, boolean>();
  let timer: Timer | undefined;
  const note = (way: GatewayWay, now: boolean): void => {
    if (ready.get(way) !== now && (ready.has(way) || !now))
      log.warn({ gateway: way.url, ready: now }, now ? 'a gateway is ready again' : 'a gateway is not ready');
    ready.set(way, now);
  };
  const askAll = async (): Promise<void> => {
    await Promise.all(ways.map(async (way) => note(way, await way.isReady())));
  };
  const inOrder = (): GatewayWay[] => [
    ...ways.filter((way) => ready.get(way) !== false),
    ...ways.filter((way) => ready.get(way) === false),
  ];

  const call = async <T>(
    options: CallOptions,
    on: (api: ControlApi) => Promise<CallResult<T>>,
  ): Promise<CallResult<T>> => {
    const waiting = inOrder();
    const under = new Set<Promise<CallResult<T>>>();
    let last: CallResult<T> | undefined;
    for (;;) {
      const next = options.signal?.aborted === true ? undefined : waiting.shift();
      if (next !== undefined) {
        const attempt = on(next.api).then((result) => {
          under.delete(attempt);
          if (!result.ok && result.code === 'UNREACHABLE' && options.signal?.aborted !== true)
            note(next, false);
          return result;
        });
        under.add(attempt);
      }
      if (under.size === 0) return last!;
      const slow = new AbortController();
      const patience =
        waiting.length === 0
          ? []
          : [
              clock.sleep(SLOW_MS, slow.signal).then(
                () => undefined,
                () => undefined,
              ),
            ];
      const result = await Promise.race([...under, ...patience]);
      slow.abort();
      if (result === undefined) continue;
      if (result.ok || !result.passing) return result;
      last = result;
    }
  };
  return {
    async start() {
      await askAll();
      timer = clock.every(probePeriodMs, () => void askAll());
    },
    anyReady: () => ways.some((way) => ready.get(way) === true),
    lockOut: (request, options) => call(options, (api) => api.lockOut(request, options)),
    endSession: (id, why, options) => call(options, (api) => api.endSession(id, why, options)),
    revokeToken: (id, why, options) => call(options, (api) => api.revokeToken(id, why, options)),
    close: () => timer?.cancel(),
  };
}
