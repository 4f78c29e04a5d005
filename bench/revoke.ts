/**
 * A token revoked at one gateway, to the last request that any gateway accepts with it: two gateways as processes of their own on real
 * Kafka with the control store on PostgreSQL. For each token a session at either gateway sends statements without pause while
 * the token is revoked at the first. Options: --tokens N (200).
 */
import type pg from 'pg';
import { connectClient, makeLogin } from '../main/test/support/clients.ts';
import { createCluster, type GatewayProcess } from '../main/test/support/cluster.ts';
import { startTarget } from '../main/test/support/target.ts';
import { createSystemClock } from '../platform/clock/system-clock.ts';
import { startKafka } from '../test/servers/kafka/kafka.ts';
import { atMost, option, percentile, round, type Bench } from './bench.ts';

const clock = createSystemClock();
const WARM_UP = 10;
/** Statements go on before the token is revoked. */
const LEAD_MS = 20;
/** Nothing listens there: nobody searches in this bench. */
const NO_SEARCH = 'http://127.0.0.1:9';

interface Busy {
  /** When the last statement was sent that was answered, microseconds; resolves when the session has ended. */
  readonly over: Promise<number>;
}

/** Statements one after the other until the session is ended. */
function keepBusy(client: pg.Client): Busy {
  const run = async (): Promise<number> => {
    let acceptedUs = 0;
    try {
      for (;;) {
        const sentUs = clock.monotonicUs();
        await client.query('select 1');
        acceptedUs = sentUs;
      }
    } catch {
      return acceptedUs;
    }
  };
  return { over: run() };
}

async function once(
  gateways: readonly GatewayProcess[],
  turn: number,
): Promise<{ sessions: number; api: number }> {
  const [first] = gateways;
  const login = await makeLogin(first!.api, `job-${turn}`);
  const clients = await Promise.all(gateways.map(({ listener }) => connectClient(listener, login)));
  const busy = clients.map(keepBusy);
  await clock.sleep(LEAD_MS);
  const startUs = clock.monotonicUs();
  await first!.api.send('POST', `/v1/tokens/${login.tokenId}/revoke`, { reason: 'bench' });
  const apiMs = (clock.monotonicUs() - startUs) / 1000;
  const last = Math.max(...(await Promise.all(busy.map(({ over }) => over))));
  return { sessions: Math.max(0, (last - startUs) / 1000), api: apiMs };
}

export const bench: Bench = async (args) => {
  const tokens = Number(option(args, 'tokens', '200'));
  const closers: (() => Promise<unknown>)[] = [];
  try {
    const target = await startTarget();
    closers.push(() => target.stop());
    const kafka = await startKafka({ steady: true });
    closers.push(() => kafka.stop());
    const cluster = await createCluster(target, {
      brokers: kafka.brokers,
      elasticsearch: { nodes: [NO_SEARCH], indexPrefix: 'bench' },
      gateways: 2,
    });
    closers.push(() => cluster.stop());
    const gateways = [await cluster.gateway(0), await cluster.gateway(1)];
    const figures: number[] = [];
    const calls: number[] = [];
    for (let turn = 0; turn < WARM_UP + tokens; turn += 1) {
      const { sessions, api } = await once(gateways, turn);
      if (turn < WARM_UP) continue;
      figures.push(sessions);
      calls.push(api);
    }
    const p99 = round(percentile(figures, 0.99));
    console.log(
      `last accepted request  p50 ${round(percentile(figures, 0.5))}  p95 ${round(percentile(figures, 0.95))}  p99 ${p99} ms`,
    );
    console.log(
      `answer of the call     p50 ${round(percentile(calls, 0.5))}  p99 ${round(percentile(calls, 0.99))} ms\n`,
    );
    return {
      figures: {
        tokens,
        gateways: gateways.length,
        acceptedP50Ms: round(percentile(figures, 0.5)),
        acceptedP95Ms: round(percentile(figures, 0.95)),
        acceptedP99Ms: p99,
        callP50Ms: round(percentile(calls, 0.5)),
        callP99Ms: round(percentile(calls, 0.99)),
      },
      goals: [atMost('revoked to the last accepted request p99 ms', 50, p99)],
    };
  } finally {
    for (const closer of closers.toReversed()) await closer();
  }
};
