/** A gateway in a process of its own, so that its processor time and memory are its alone; answers `usage` over IPC. */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { createApiClient } from '../../cli/api-client.ts';
import { issueToken } from '../../cli/issue-token.ts';
import { loadConfig } from '../../main/config.ts';
import { createGatewayRole } from '../../main/gateway/gateway-role.ts';
import { startInstallation } from '../../main/installation.ts';
import { createLocalApiTokens } from '../../main/local-api-tokens.ts';
import { openStorage, type Surroundings } from '../../main/storage.ts';
import { loadVaultKey } from '../../main/vault-key.ts';
import { createSystemClock, createSystemRandom } from '../../platform/clock/system-clock.ts';
import { createPinoLogger } from '../../platform/log/pino-logger.ts';
import { createPromMetrics } from '../../platform/metrics/prom-metrics.ts';
import type { GatewayRole } from '../../main/gateway/gateway-role.ts';
import type { ChildOrder } from './gateway-process.ts';

const order = JSON.parse(process.argv[2]!) as ChildOrder;
const loaded = loadConfig(undefined, {
  COUNTERSIGN_DATA_FOLDER: order.dataFolder,
  COUNTERSIGN_CONTROL_API__PORT: '0',
});
const { host, port, database } = order.target;
const config = {
  ...loaded,
  policy: { ...loaded.policy, ...order.policy },
  gateway: { ...loaded.gateway, durability: order.durability, sessionsPerIdentityMax: 5000 },
  connections: [
    { name: 'bench', protocol: 'postgres', host, port, options: { database, sslMode: 'disable' as const } },
  ],
};
const around: Surroundings = {
  clock: createSystemClock(),
  random: createSystemRandom(),
  log: createPinoLogger({ level: 'warn', destination: `${order.dataFolder}/countersign.log` }),
  metrics: createPromMetrics(),
};

async function startGateway(): Promise<{ gateway: GatewayRole; adminToken: string }> {
  if (order.roles === 'all') {
    const installation = await startInstallation({ ...around, environment: {}, logFile: null }, config);
    return { gateway: installation.gateway, adminToken: installation.tokens.admin };
  }
  const storage = await openStorage(around, config);
  const tokens = createLocalApiTokens(around.random);
  const gateway = await createGatewayRole(
    {
      ...around,
      storage,
      environment: {},
      vaultKey: await loadVaultKey(config, {}, around.random),
      health: () => ({ ready: true, roles: [] }),
      playbooks: () => [],
      reload: () => Promise.reject(new Error('not in a benchmark')),
    },
    { ...config, controlApi: { ...config.controlApi, tokens: [...tokens.entries] } },
  );
  await gateway.start();
  return { gateway, adminToken: tokens.admin };
}

const { gateway, adminToken } = await startGateway();
const { user: username, password } = order.target;
await gateway.vault.put('connections/bench', JSON.stringify({ username, password }));
const api = createApiClient({ url: gateway.api().url, token: adminToken });
const issued = await issueToken(api, {
  subject: 'bench',
  kind: 'human',
  groups: [],
  connections: ['bench'],
  ttlMs: 3_600_000,
});
const listener = gateway.listener('postgres')!;
let profiling: Session | undefined;

async function profile(file: string): Promise<void> {
  if (profiling === undefined) {
    profiling = new Session();
    profiling.connect();
    await profiling.post('Profiler.enable');
    await profiling.post('Profiler.start');
    return;
  }
  const taken = await profiling.post('Profiler.stop');
  profiling.disconnect();
  profiling = undefined;
  writeFileSync(file, JSON.stringify((taken as { profile: unknown }).profile));
}

process.on('message', (message: { readonly collect?: true; readonly profile?: string }) => {
  if (message.profile !== undefined) {
    profile(message.profile).then(
      () => process.send!({}),
      (error: unknown) => console.error(error),
    );
    return;
  }
  if (message.collect === true) globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  process.send!({ cpuUs: user + system, rssBytes: process.memoryUsage.rss() });
});
process.on('disconnect', () => process.exit(0));
process.send!({ host: listener.host, port: listener.port, user: issued.userName, password: issued.token });
