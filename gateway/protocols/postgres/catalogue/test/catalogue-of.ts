/** The catalogue of a real server and an analyser that asks it, without a gateway around. */
import { createHmac } from 'node:crypto';
import { createManualClock } from '../../../../../platform/clock/manual-clock.ts';
import { createSystemClock, createSystemRandom } from '../../../../../platform/clock/system-clock.ts';
import type { Clock } from '../../../../../platform/clock/clock.ts';
import type { Logger } from '../../../../../platform/log/log.ts';
import type { Metrics } from '../../../../../platform/metrics/metrics.ts';
import type { TestPostgres } from '../../../../../test/servers/postgres.ts';
import type { SessionSettings, StatementAnalysis } from '../../analysis/analyser.ts';
import { ANALYSER_DEFAULTS, type AnalyserConfig } from '../../analysis/analyser-config.ts';
import { createAnalyser, type OwnedAnalyser } from '../../analysis/create-analyser.ts';
import { resolveOptions } from '../../options.ts';
import { loginToTarget } from '../../target/login.ts';
import { createSaltedPasswords } from '../../target/scram-client.ts';
import { createCatalogueLink, type CatalogueLink } from '../link.ts';
import { createCatalogueReader, type CatalogueReader } from '../reader.ts';

export const SETTINGS: SessionSettings = {
  searchPath: '"$user", public',
  role: 'none',
  standardConformingStrings: true,
  clientEncoding: 'UTF8',
};

export interface Told {
  readonly lines: string[];
  readonly reads: Record<string, number>;
  away: number;
}

export interface Asked {
  readonly analyser: OwnedAnalyser;
  readonly source: CatalogueReader;
  readonly told: Told;
  /** Where the reader finds the server. */
  address: { host: string; port: number };
  analyse(
    sql: string,
    settings?: SessionSettings,
    session?: ReturnType<OwnedAnalyser['createSession']>,
  ): Promise<StatementAnalysis>;
  session(failClosed?: boolean, userKnown?: boolean): ReturnType<OwnedAnalyser['createSession']>;
  close(): Promise<void>;
}

export async function askCatalogue(
  target: TestPostgres,
  {
    user = target.user,
    ageMsMax = 60_000,
    clock = createSystemClock(),
    config,
    timeoutMs = 10_000,
    between = (link) => link,
  }: {
    user?: string;
    ageMsMax?: number;
    clock?: Clock;
    config?: Partial<AnalyserConfig>;
    timeoutMs?: number;
    /** Stands between the reader and its connection. */
    between?: (link: CatalogueLink) => CatalogueLink;
  } = {},
): Promise<Asked> {
  const told: Told = { lines: [], reads: {}, away: 0 };
  const log = {
    debug() {},
    info: (_: object, message: string) => void told.lines.push(message),
    warn: (_: object, message: string) => void told.lines.push(message),
    error: (_: object, message: string) => void told.lines.push(message),
    child: () => log,
  } as unknown as Logger;
  const metrics: Metrics = {
    counter: () => ({
      add: (_ = 1, labels = {}) =>
        void (told.reads[labels['outcome'] ?? ''] = (told.reads[labels['outcome'] ?? ''] ?? 0) + 1),
    }),
    gauge: () => ({ set: (value) => void (told.away = value) }),
    histogram: () => ({ observe() {} }),
    expose: () => Promise.resolve(''),
  };
  const state = { address: { host: target.host, port: target.port } };
  const salted = createSaltedPasswords();
  const link = createCatalogueLink({
    clock,
    timeoutMs,
    login: () =>
      loginToTarget(
        { clock, random: createSystemRandom(), salted },
        { connection: 'main', ...state.address, options: resolveOptions({}, state.address) },
        { username: target.user, password: target.password },
        'postgres',
        new Map(),
      ),
  });
  const source = createCatalogueReader(
    { clock, log, metrics, link: between(link), user },
    { connection: 'main', database: 'postgres', ageMsMax },
  );
  const hmac = (secret: string | Uint8Array): Buffer =>
    createHmac('sha256', 'key of the tests').update(secret).digest();
  const analyser = await createAnalyser(
    { clock: createManualClock(), hmac },
    { ...ANALYSER_DEFAULTS, ...config },
  );
  const session: Asked['session'] = (failClosed = true, userKnown = true) =>
    analyser.createSession({ source, failClosed, userKnown });
  return {
    analyser,
    source,
    told,
    get address() {
      return state.address;
    },
    set address(address) {
      state.address = address;
    },
    session,
    analyse: async (sql, settings = SETTINGS, in_ = session()) => analyser.analyse(sql, settings, in_),
    async close() {
      source.close();
      await analyser.close();
    },
  };
}

/** Actions as `action object`, `!` behind those that nothing restricts. */
export function summary(analysis: StatementAnalysis): string[] {
  return analysis.actions
    .map((one) => `${one.action} ${one.object ?? '-'}${one.whole ? '!' : ''}`)
    .toSorted();
}
