/** Roles as processes of their own on real Kafka, with the control store on PostgreSQL: `countersign run ROLE`, as anybody would start it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createApiClient, type ApiClient } from '../../../cli/api-client.ts';
import type { ListenerAnswer } from '../../../gateway/control-api/services.ts';
import { freePorts } from '../../sample-target/free-ports.ts';
import type { RoleName } from '../../roles.ts';
import type { TestTarget } from './target.ts';

export interface ClusterOptions {
  readonly brokers: readonly string[];
  /** Before topics, groups and writers, so that tests can share brokers. */
  readonly prefix?: string;
  /** Addresses of Elasticsearch, and what its indices begin with. */
  readonly elasticsearch: { readonly nodes: readonly string[]; readonly indexPrefix: string };
  readonly gateways: number;
  /** Wall clocks of gateways against this machine's, milliseconds, by number. */
  readonly gatewayClocksAheadMs?: readonly number[];
  /** Settings of all processes besides those that make it a cluster, by section. */
  readonly settings?: Readonly<Record<string, object>>;
}

export interface ClusterProcess {
  readonly pid: number;
  /** What it printed when it had started. */
  readonly told: ProcessTold;
  readonly logFile: string;
  health(): Promise<{ readonly ready: boolean; readonly text: string }>;
  /** Figure of a series, 0 where there is none. */
  metric(series: string): Promise<number>;
  kill9(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  end(): Promise<number | null>;
  /** Resolves when it is gone. */
  readonly gone: Promise<number | null>;
}

export interface ProcessTold {
  readonly process: string;
  readonly api?: string;
  readonly postgres?: string;
  readonly health?: string;
}

export interface GatewayProcess extends ClusterProcess {
  readonly api: ApiClient;
  readonly listener: ListenerAnswer;
}

export interface Cluster {
  readonly folder: string;
  /** Starts a gateway by its number, from 0; a second time on the data of the first. */
  gateway(number: number): Promise<GatewayProcess>;
  start(...roles: RoleName[]): Promise<ClusterProcess>;
  /** Ends what still runs and removes the folder. */
  stop(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL('../../countersign.ts', import.meta.url));
/** For NODE_OPTIONS: a process whose wall clock is ahead. */
const aheadBy = (ms: number): string =>
  `--import=data:text/javascript,${encodeURIComponent(`const now=Date.now;Date.now=()=>now()+${ms}`)}`;
const ADMIN_TOKEN = 'csa_admin-of-the-cluster-tests';
const STORE = { database: 'countersign', user: 'countersign', password: 'store-of-the-tests' };
const SECRETS = {
  CLUSTER_ADMIN_TOKEN: ADMIN_TOKEN,
  CLUSTER_RESPONDER_TOKEN: 'csa_responder-of-the-cluster-tests',
  CLUSTER_STORE_PASSWORD: STORE.password,
  CLUSTER_VAULT_KEY: '7'.repeat(64),
};

async function makeStore(target: TestTarget): Promise<void> {
  const client = await target.direct();
  try {
    await client.query(`create role ${STORE.user} login password '${STORE.password}'`);
    await client.query(`create database ${STORE.database} owner ${STORE.user}`);
  } finally {
    await client.end();
  }
}

/** Resolves with the first line that the process prints; rejects with what it said where it ends before. */
function firstLine(child: ChildProcess, what: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = '';
    child.stdout!.on('data', (piece: Buffer) => {
      out += piece.toString();
      const text = out.trim();
      if (text.endsWith('}')) resolve(text);
    });
    let errors = '';
    child.stderr!.on('data', (piece: Buffer) => {
      errors = (errors + piece.toString()).slice(-4000);
    });
    child.once('exit', (code, signal) =>
      reject(new Error(`${what} ended while it started (${code ?? signal}): ${errors}`)),
    );
  });
}

export async function createCluster(target: TestTarget, options: ClusterOptions): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-test-cluster-'));
  if (options.gateways > 0) await makeStore(target);
  const caFile = join(folder, 'store-ca.crt');
  writeFileSync(caFile, target.server.caPem);
  const apiPorts = await freePorts(options.gateways);
  const { host, port } = target.server;
  const shared = {
    logLevel: 'info',
    partitionsCount: 4,
    vaultKey: { env: 'CLUSTER_VAULT_KEY' },
    ...options.settings,
    eventLog: {
      kind: 'kafka',
      kafka: { brokers: options.brokers, prefix: options.prefix ?? '', replicas: 1, inSyncReplicasMin: 1 },
      ...options.settings?.['eventLog'],
    },
    controlStore: {
      kind: 'postgres',
      postgres: {
        hosts: [{ host, port }],
        database: STORE.database,
        user: STORE.user,
        password: { env: 'CLUSTER_STORE_PASSWORD' },
        tls: { caFile },
      },
    },
    searchIndex: {
      kind: 'elasticsearch',
      elasticsearch: { ...options.elasticsearch, replicasCount: 0, refreshMs: 100 },
    },
    responders: {
      ...(options.gateways > 0 && {
        controlApi: {
          urls: apiPorts.map((apiPort) => `http://127.0.0.1:${apiPort}`),
          token: { env: 'CLUSTER_RESPONDER_TOKEN' },
        },
      }),
      ...options.settings?.['responders'],
    },
  };
  const running = new Set<ClusterProcess>();
  let started = 0;

  const launch = async (
    name: string,
    roles: readonly RoleName[],
    own: object,
    aheadMs = 0,
  ): Promise<ClusterProcess> => {
    const configFile = join(folder, `${name}.yml`);
    const logFile = join(folder, `${name}-${started}.log`);
    started += 1;
    // JSON is YAML.
    writeFileSync(configFile, JSON.stringify({ ...shared, ...own }));
    const args = ['--disable-warning=ExperimentalWarning', PROGRAM, 'run', ...roles, '--config', configFile];
    const child = spawn(process.execPath, [...args, '--json'], {
      env: {
        ...process.env,
        ...SECRETS,
        NODE_TEST_CONTEXT: undefined,
        ...(aheadMs !== 0 && { NODE_OPTIONS: aheadBy(aheadMs) }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const gone = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    child.stderr.on('data', (piece: Buffer) => writeFileSync(logFile, piece, { flag: 'a' }));
    // Servers of a test file end with it, also when it is broken off.
    const endWithUs = (): void => void child.kill('SIGKILL');
    process.once('exit', endWithUs);
    const told = JSON.parse(await firstLine(child, `${name} (${roles.join(', ')})`)) as ProcessTold;
    const base = told.health ?? told.api!;
    const get = (path: string): Promise<Response> =>
      fetch(new URL(path, base), { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    const made: ClusterProcess = {
      pid: child.pid!,
      told,
      logFile,
      gone,
      async health() {
        const response = await get('/readyz');
        return { ready: response.status === 200, text: await response.text() };
      },
      async metric(series) {
        const text = await (await get('/metrics')).text();
        const found = text.split('\n').filter((line) => line.startsWith(series));
        return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
      },
      async kill9() {
        child.kill('SIGKILL');
        await gone;
      },
      async end() {
        child.kill('SIGTERM');
        return gone;
      },
    };
    running.add(made);
    child.once('exit', () => {
      running.delete(made);
      process.off('exit', endWithUs);
    });
    return made;
  };

  return {
    folder,
    async gateway(number) {
      const own = {
        dataFolder: join(folder, `gateway-${number}`),
        gateway: { id: `gateway-${number}`, ...options.settings?.['gateway'] },
        postgres: { port: 0 },
        controlApi: {
          port: apiPorts[number]!,
          tokens: [
            {
              subject: 'admin',
              scopes: ['read', 'contain', 'release', 'issue', 'admin'],
              secret: { env: 'CLUSTER_ADMIN_TOKEN' },
            },
            { subject: 'responders', scopes: ['contain'], secret: { env: 'CLUSTER_RESPONDER_TOKEN' } },
          ],
        },
      };
      const aheadMs = options.gatewayClocksAheadMs?.[number];
      const made = await launch(`gateway-${number}`, ['gateway'], own, aheadMs);
      const api = createApiClient({ url: made.told.api!, token: ADMIN_TOKEN });
      const listener = await api.get<ListenerAnswer>('/v1/listeners/postgres');
      const { username, password } = target.credential;
      const { protocol, options: of, port: targetPort, host: targetHost } = target.connection;
      // Through the API: the gateways share connections and credentials.
      await api.send('PUT', `/v1/connections/${target.connection.name}`, {
        protocol,
        host: targetHost,
        port: targetPort,
        role: username,
        tls: 'disable',
        database: of['database'],
        credential: { password },
      });
      return { ...made, api, listener };
    },
    start(...roles) {
      // All copies share a folder, as copies on one machine may.
      const dataFolder = join(folder, 'others');
      mkdirSync(dataFolder, { recursive: true });
      return launch(roles.join('-'), roles, { dataFolder });
    },
    async stop() {
      await Promise.all([...running].map((one) => one.kill9()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
