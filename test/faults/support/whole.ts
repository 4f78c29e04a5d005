/** A whole installation as `countersign up` composes it, on a folder of its own, with switches at its ports. */
import diagnostics from 'node:diagnostics_channel';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { createApiClient, type ApiClient } from '../../../cli/api-client.ts';
import { issueToken } from '../../../cli/issue-token.ts';
import { loadConfig } from '../../../main/config.ts';
import { startInstallation, type WholeInstallation } from '../../../main/installation.ts';
import { openStorage } from '../../../main/storage.ts';
import { createSystemRandom } from '../../../platform/clock/system-clock.ts';
import { createPinoLogger } from '../../../platform/log/pino-logger.ts';
import { createPromMetrics } from '../../../platform/metrics/prom-metrics.ts';
import { createCodec, type SchemaTypes } from '../../../schemas/codec.ts';
import type { Config } from '../../../schemas/config/config.ts';
import type { Health } from '../../../schemas/api/service.ts';
import type { SessionEvent } from '../../../schemas/types.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import type { TestPostgres } from '../../servers/postgres.ts';
import {
  faultyControlStore,
  faultyDisk,
  faultyEventLog,
  faultyRecordingStore,
  type FaultyEventLog,
  type Switches,
} from './faulty-ports.ts';
import { createStepClock, type StepClock } from './step-clock.ts';

export interface Login {
  readonly user: string;
  readonly token: string;
  readonly tokenId: string;
}

export interface Whole {
  readonly folder: string;
  readonly config: Config;
  readonly installation: WholeInstallation;
  readonly switches: Switches;
  readonly eventLog: FaultyEventLog;
  readonly clock: StepClock;
  readonly api: ApiClient;
  readonly listener: { readonly host: string; readonly port: number; readonly ca: string };
  /** Live threads of roles and stores, by name. */
  readonly threads: ReadonlyMap<string, Worker>;
  health(): Promise<Health>;
  /** Value of a series by the start of its line, 0 where it is absent. */
  metric(series: string): Promise<number>;
  issue(subject: string, kind?: string, ttlMs?: number): Promise<Login>;
  /** What a topic holds now. */
  records<S extends keyof SchemaTypes>(topic: string, schema: S): Promise<SchemaTypes[S][]>;
  events(): Promise<SessionEvent[]>;
  stop(): Promise<void>;
}

type Sections = 'gateway' | 'eventLog' | 'controlStore' | 'postgres' | 'detectors' | 'policy' | 'ingest';
export type Overrides = { readonly [S in Sections]?: Partial<Config[S]> } & {
  /** Options of the connection `shop`. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly target?: { readonly host: string; readonly port: number };
  /** Besides `shop`. */
  readonly connections?: Config['connections'];
};

export const makeFolder = (): string => mkdtempSync(join(tmpdir(), 'countersign-faults-'));
export const dropFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true });

export function configOf(
  folder: string,
  postgres: { readonly host: string; readonly port: number },
  overrides: Overrides = {},
): Config {
  const base = loadConfig(undefined, {
    COUNTERSIGN_DATA_FOLDER: join(folder, 'data'),
    COUNTERSIGN_CONTROL_API__PORT: '0',
    COUNTERSIGN_LOG_LEVEL: 'info',
  });
  const { options, target, connections = [], ...sections } = overrides;
  const merged: Record<string, unknown> = { ...base };
  for (const [name, section] of Object.entries(sections))
    merged[name] = { ...(base[name as Sections] as object), ...section };
  const { host, port } = target ?? postgres;
  const connection = {
    name: 'shop',
    protocol: 'postgres',
    host,
    port,
    options: { database: 'postgres', sslMode: 'disable', ...options },
  };
  return { ...(merged as Config), connections: [connection, ...connections] };
}

/** Collects threads as they start; the name that a thread was given, or its order. */
function watchThreads(): { threads: Map<string, Worker>; stop(): void } {
  const threads = new Map<string, Worker>();
  const onThread = (message: unknown): void => {
    const { worker } = message as { worker: Worker & { threadName?: string } };
    const name = worker.threadName?.replace('countersign-', '') ?? '';
    if (name !== '') threads.set(name, worker);
  };
  diagnostics.subscribe('worker_threads', onThread);
  return { threads, stop: () => void diagnostics.unsubscribe('worker_threads', onThread) };
}

export async function startWhole(
  postgres: Pick<TestPostgres, 'host' | 'port' | 'user' | 'password'>,
  overrides: Overrides = {},
  from?: { readonly folder: string },
): Promise<Whole> {
  const folder = from?.folder ?? makeFolder();
  const config = configOf(folder, postgres, overrides);
  const switches: Switches = {
    eventLogAway: false,
    controlStoreAway: false,
    recordingStoreAway: false,
    diskFull: false,
    deafGroup: undefined,
  };
  const clock = createStepClock();
  const random = createSystemRandom();
  const metrics = createPromMetrics();
  const logFile = join(folder, 'log');
  const log = createPinoLogger({ level: 'info', destination: logFile });
  const watched = watchThreads();
  let eventLog: FaultyEventLog | undefined;
  const installation = await startInstallation(
    {
      clock,
      random,
      metrics,
      log,
      logFile,
      environment: {},
      async openStorage(around, opened) {
        const real = await openStorage(around, opened);
        eventLog = faultyEventLog(real.eventLog, switches);
        return {
          ...real,
          eventLog,
          disk: faultyDisk(real.disk, switches),
          controlStore: faultyControlStore(real.controlStore, switches),
          recordingStore: faultyRecordingStore(real.recordingStore, switches),
          // On this thread, through the faulty store.
          recordingWriter: undefined,
        };
      },
    },
    config,
  );
  await installation.gateway.vault.put(
    'connections/shop',
    JSON.stringify({ username: postgres.user, password: postgres.password }),
  );
  const { url } = installation.gateway.api();
  const api = createApiClient({ url, token: installation.tokens.admin });
  const { host, port, ca } = installation.gateway.listener('postgres')!;

  const records: Whole['records'] = async (topic, schema) => {
    const codec = createCodec(schema);
    const found: SchemaTypes[typeof schema][] = [];
    const reader = await eventLog!.read({
      topic,
      onRecords(batch) {
        for (const { value } of batch) {
          const read = value === null ? undefined : codec.decode(value);
          if (read?.ok === true) found.push(read.value);
        }
      },
      onFailure: () => undefined,
    });
    await reader.caughtUp();
    await reader.close();
    return found;
  };
  return {
    folder,
    config,
    installation,
    switches,
    eventLog: eventLog!,
    clock,
    api,
    listener: { host, port, ca: ca! },
    threads: watched.threads,
    async health() {
      const response = await fetch(new URL('/readyz', url));
      return (await response.json()) as Health;
    },
    async metric(series) {
      const response = await fetch(new URL('/metrics', url), {
        headers: { authorization: `Bearer ${installation.tokens.admin}` },
      });
      const line = (await response.text()).split('\n').find((candidate) => candidate.startsWith(series));
      return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1));
    },
    async issue(subject, kind = 'service_account', ttlMs = 3_600_000) {
      const issued = await issueToken(api, { subject, kind, groups: [], connections: ['*'], ttlMs });
      return { user: issued.userName, token: issued.token, tokenId: issued.summary.tokenId };
    },
    records,
    events: () => records(TOPICS.sessionEvents.name, 'session-event'),
    async stop() {
      watched.stop();
      await installation.stop(500);
      if (from === undefined) dropFolder(folder);
    },
  };
}
