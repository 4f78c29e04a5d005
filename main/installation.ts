/** Every role in one process on the embedded default. */
import type { Role } from '../platform/lifecycle/role.ts';
import type { RespondersRole } from '../responders/role.ts';
import type { ReloadAnswer } from '../schemas/api/reload.ts';
import type { Config } from '../schemas/config/config.ts';
import type { ConnectionEntry } from '../schemas/config/connection.ts';
import { checkConfig, type Environment } from './config.ts';
import { takeDataFolder, type DataFolder } from './data-folder.ts';
import { createGatewayRole, type GatewayRole } from './gateway/gateway-role.ts';
import { createLocalApiTokens, writeApiFile, type LocalApiTokens } from './local-api-tokens.ts';
import { createReloader } from './reload.ts';
import { createResponders, describePlaybooks } from './responders.ts';
import { ROLES, type RoleName } from './roles.ts';
import { indexFile, openStorage, type Storage, type Surroundings } from './storage.ts';
import { RELOAD_QUESTION, type ReloadedDetectors } from './threads/reload-question.ts';
import { createSupervisedRole } from './threads/supervised-role.ts';
import { createThreadedRole, type ThreadedRole } from './threads/threaded-role.ts';
import { withThreadMetrics } from './threads/thread-metrics.ts';
import type { DetectorsThreadConfig } from './threads/detectors-thread.ts';
import type { IngestThreadConfig } from './threads/ingest-thread.ts';
import { loadVaultKey } from './vault-key.ts';

export interface Installation {
  readonly gateway: GatewayRole;
  readonly storage: Storage;
  readonly tokens: LocalApiTokens;
  /** Reads policy, playbooks, rules and directory again. */
  reload(): Promise<ReloadAnswer>;
  /** Ends everything in order; open sessions have `graceMs` to finish. */
  stop(graceMs: number): Promise<void>;
}

export interface InstallationDeps extends Surroundings {
  /** Opens the adapters of the ports; the embedded ones where absent. */
  readonly openStorage?: typeof openStorage;
  readonly environment: Environment;
  readonly logFile: string | null;
  /** File that the configuration came from; read again on a reload. */
  readonly configFile?: string | undefined;
  /** Roles that run here, the gateway among them; all where absent. */
  readonly roles?: readonly RoleName[];
  /** Besides those of the configuration. */
  readonly connections?: readonly ConnectionEntry[];
}

const threadModule = (name: string): URL =>
  new URL(`./threads/${name}-thread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

/** Starts all roles; on a failure everything that had started is stopped again. */
export async function startInstallation(deps: InstallationDeps, config: Config): Promise<Installation> {
  const folder = takeDataFolder(config.dataFolder);
  const started: { stop: (graceMs: number) => Promise<void> }[] = [
    { stop: () => Promise.resolve(folder.release()) },
  ];
  const stop = async (graceMs: number): Promise<void> => {
    // One part that cannot end must not keep the others, and the data folder, from it.
    for (const { stop: end } of started.splice(0).toReversed())
      await end(graceMs).catch((error: unknown) => deps.log.error({ error }, 'a part did not stop in order'));
  };
  try {
    return { ...(await startRoles(deps, config, folder, started)), stop };
  } catch (error) {
    await stop(0);
    throw error;
  }
}

async function startRoles(
  deps: InstallationDeps,
  config: Config,
  folder: DataFolder,
  started: { stop: (graceMs: number) => Promise<void> }[],
): Promise<Omit<Installation, 'stop'>> {
  const { random, log, environment, roles: wanted = ROLES } = deps;
  const storage = await (deps.openStorage ?? openStorage)(deps, config);
  started.push({ stop: () => storage.close() });
  const tokens = createLocalApiTokens(random);
  const roles: Role[] = [];
  const threads: ThreadedRole[] = [];
  let detectors: ThreadedRole | undefined;
  let responders: RespondersRole | undefined;
  const threadDeps = { ...deps, eventLog: storage.eventLog, logLevel: config.logLevel };
  const begin = async <R extends Role>(role: R): Promise<R> => {
    roles.push(role);
    started.push({ stop: (graceMs) => role.stop(graceMs) });
    await role.start();
    return role;
  };
  // What the thread is started with, also when it is started again.
  const detectorsConfig: { -readonly [K in keyof DetectorsThreadConfig]: DetectorsThreadConfig[K] } = {
    detectors: config.detectors,
    ruleFolders: config.ruleFolders,
  };
  const reload = createReloader(
    {
      log,
      readConfig: () => checkConfig(deps.configFile, environment),
      policy: { replace: (rules) => gatewayRole.policy.replace(rules) },
      playbooks: () => {
        const problems = responders?.reloadPlaybooks() ?? [];
        return { problems, count: responders?.playbooks().length ?? 0 };
      },
      async detectors({ ruleFolders }) {
        if (detectors === undefined) return { rules: 0 };
        const reloaded = await detectors.ask<ReloadedDetectors>(RELOAD_QUESTION, ruleFolders);
        detectorsConfig.ruleFolders = ruleFolders;
        return reloaded;
      },
    },
    config,
  );
  const gatewayRole = await createGatewayRole(
    {
      ...deps,
      metrics: withThreadMetrics(deps.metrics, threads),
      storage,
      vaultKey: await loadVaultKey(config, environment, random),
      health: () => {
        const states = roles.map((role) => ({ name: role.name, ...role.health() }));
        return { ready: states.every(({ ready }) => ready), roles: states };
      },
      playbooks: () => (responders === undefined ? [] : describePlaybooks(responders)),
      reload,
    },
    {
      ...config,
      connections: [...config.connections, ...(deps.connections ?? [])],
      controlApi: { ...config.controlApi, tokens: [...config.controlApi.tokens, ...tokens.entries] },
    },
  );
  // Detectors and index first: what the gateway then writes meets somebody.
  if (wanted.includes('ingest')) {
    const ingestConfig: IngestThreadConfig = {
      ingest: config.ingest,
      searchIndex: { ...config.searchIndex, file: indexFile(config) },
    };
    threads.push(await begin(createThreadedRole('ingest', threadModule('ingest'), threadDeps, ingestConfig)));
  }
  if (wanted.includes('detectors')) {
    detectors = createThreadedRole('detectors', threadModule('detectors'), threadDeps, detectorsConfig);
    threads.push(await begin(detectors));
  }
  const gateway = await begin(gatewayRole);
  if (wanted.includes('responders')) {
    const made = await createResponders(
      { ...deps, storage, gateway, token: tokens.responder },
      config.responders,
    );
    started.push({ stop: () => made.close() });
    responders = made.role;
    await begin(createSupervisedRole(made.role, deps));
  }
  writeApiFile(folder.path, { url: gateway.api().url, token: tokens.admin });
  return { gateway, storage, tokens, reload };
}
