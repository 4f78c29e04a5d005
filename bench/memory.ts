/**
 * `npm run bench -- memory [--sessions N] [--megabytes N]`: memory of a gateway with many idle sessions, and of one that streams a large
 * COPY to a client. The gateway alone in its process; memory is the resident set, after a garbage collection for the idle sessions.
 */
import { startPostgres } from '../test/servers/postgres.ts';
import { query } from '../test/transparency/support/frontend.ts';
import { openSession, type RawSession } from '../test/transparency/support/raw-session.ts';
import { createSystemClock } from '../platform/clock/system-clock.ts';
import { atMost, option, round, type Bench } from './bench.ts';
import { startGatewayProcess, type Endpoint, type GatewayProcess } from './support/gateway-process.ts';

const MIB = 1024 * 1024;
const SAMPLE_MS = 50;
const AT_ONCE = 20;
const LINE_BYTES = 1024;
const IDLE_MIB_MAX = 300;
const COPY_MIB_MAX = 200;

async function openIdle(endpoint: Endpoint, count: number): Promise<RawSession[]> {
  const sessions: RawSession[] = [];
  while (sessions.length < count) {
    const wanted = Math.min(AT_ONCE, count - sessions.length);
    sessions.push(...(await Promise.all(Array.from({ length: wanted }, () => openSession(endpoint)))));
  }
  // Idle, not fresh: each has worked once.
  for (const session of sessions) {
    session.send(query('select 1'));
    await session.until('Z');
  }
  return sessions;
}

/** Greatest resident set while `work` runs. */
async function peakOf(gateway: GatewayProcess, work: Promise<unknown>): Promise<number> {
  const clock = createSystemClock();
  let running = true;
  const done = work.finally(() => (running = false));
  let peak = 0;
  while (running) {
    peak = Math.max(peak, (await gateway.usage()).rssBytes);
    await clock.sleep(SAMPLE_MS);
  }
  await done;
  return peak;
}

export const bench: Bench = async (args) => {
  const count = Number(option(args, 'sessions', '1000'));
  const megabytes = Number(option(args, 'megabytes', '1024'));
  const server = await startPostgres({ log_statement: 'none', max_connections: String(count + 20) });
  const { host, port, user, password } = server;
  const target = { host, port, user, password, database: 'postgres' };
  const gateway = await startGatewayProcess({ durability: 'process', roles: 'gateway', target });
  try {
    const empty = (await gateway.usage(true)).rssBytes;
    const sessions = await openIdle(gateway.endpoint, count);
    const idle = (await gateway.usage(true)).rssBytes;
    for (const session of sessions) session.close();
    const before = (await gateway.usage(true)).rssBytes;
    const streaming = await openSession(gateway.endpoint);
    const lines = (megabytes * MIB) / LINE_BYTES;
    streaming.send(
      query(
        `copy (select repeat('x', ${LINE_BYTES - 1}) from generate_series(1, ${lines})) to stdout; select 1`,
      ),
    );
    const startedUs = createSystemClock().monotonicUs();
    const peak = await peakOf(gateway, streaming.discard('Z'));
    const seconds = (createSystemClock().monotonicUs() - startedUs) / 1e6;
    streaming.close();

    const afterCopy = (await gateway.usage(true)).rssBytes;
    const figures = {
      emptyMiB: round(empty / MIB, 0),
      copyMegabytes: megabytes,
      copyExtraMiB: round((peak - before) / MIB, 0),
      copyMegabytesPerSecond: round(megabytes / seconds, 0),
      afterCopyMiB: round(afterCopy / MIB, 0),
      idleSessions: count,
      idleMiB: round(idle / MIB, 0),
      idleKiBPerSession: round((idle - empty) / 1024 / count, 1),
    };
    console.log(figures);
    return {
      figures,
      goals: [
        atMost(`${count} idle sessions, MiB`, IDLE_MIB_MAX, figures.idleMiB),
        atMost(`COPY of ${megabytes} MB, extra MiB`, COPY_MIB_MAX, figures.copyExtraMiB),
      ],
    };
  } finally {
    await gateway.stop();
    await server.stop();
  }
};
