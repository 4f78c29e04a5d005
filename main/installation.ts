/** The roles of one process, on the adapters that the configuration names. */
import type { EventLog } from '../platform/event-log/event-log.ts';
import type { Role } from '../platform/lifecycle/role.ts';
import type { RespondersRole } from '../responders/role.ts';
import type { LocalReload } from '../schemas/api/reload.ts';
import type { Health } from '../schemas/api/service.ts';
import type { Config } from '../schemas/config/config.ts';
import type { ConnectionEntry } from '../schemas/config/connection.ts';
import { createOwnSecretReader } from './adapters/adapter-deps.ts';
import { openEventLog } from './adapters/event-log.ts';
import { checkConfig, type Environment } from './config.ts';
import { createGatewayRole, type GatewayRole } from './gateway/gateway-role.ts';
import { startHealthListener } from './health-listener.ts';
import { createLocalApiTokens, writeApiFile, type LocalApiTokens } from './local-api-tokens.ts';
import { describeConfiguredPlaybooks, describePlaybooks } from './playbooks-shown.ts';
import { takePlace, type ProcessPlace } from './process-place.ts';
import { watchEventLog, withReachability } from './reachability.ts';
import { createReloadEverywhere } from './reload-everywhere.ts';
import { createReloader } from './reload.ts';
import { createResponders } from './responders.ts';
import { ROLES, type RoleName } from './roles.ts';
import { openStorage, type Storage, type Surroundings } from './storage.ts';
import { detectorsThread, ingestThread, type DetectorsThread } from './threads/role-threads.ts';
import { createSupervisedRole } from './threads/supervised-role.ts';
import type { ThreadedRole } from './threads/threaded-role.ts';
import { withThreadMetrics } from './threads/thread-metrics.ts';
import { checkTopology } from './topology.ts';
import { loadVaultKey } from './vault-key.ts';
import { readVaultSecrets } from './vault-secrets.ts';

export interface Installation {
  /** Absent in a process without it. */
  readonly gateway: GatewayRole | undefined;
  readonly storage: Storage | undefined;
  readonly tokens: LocalApiTokens;
  /** Name of the process among all. */
  readonly processName: string;
  /** Where health and figures are answered apart from the control API. */
  readonly healthUrl: string | undefined;
  health(): Health;
  /** Reads policy, playbooks, rules and directory again, in this process. */
  reload(): Promise<LocalReload>;
  /** Says that it is not ready any more, takes no new sessions, and resolves when the open ones are over, or `drainMs` is. */
  drain(drainMs: number): Promise<void>;
  /** Ends everything in order; what is under way has `graceMs` to finish. */
  stop(graceMs: number): Promise<void>;
}

export interface WholeInstallation extends Installation {
  readonly gateway: GatewayRole;
  readonly storage: Storage;
}

export interface InstallationDeps extends Surroundings {
  /** Opens the adapters of the ports; those of the configuration where absent. */
  readonly openStorage?: typeof openStorage;
  readonly environment: Environment;
  readonly logFile: string | null;
  /** File that the configuration came from; read again on a reload. */
  readonly configFile?: string | undefined;
  /** Roles that run here; all where absent. */
  readonly roles?: readonly RoleName[];
  /** Besides those of the configuration. */
  readonly connections?: readonly ConnectionEntry[];
}

interface Started {
  /** In the order of starting. */
  readonly closers: { stop: (graceMs: number) => Promise<void> }[];
  readonly roles: Role[];
  readonly threads: ThreadedRole[];
  draining: boolean;
}

/** Starts all roles, the gateway among them; on a failure everything that had started is stopped again. */
export async function startInstallation(deps: InstallationDeps, config: Config): Promise<WholeInstallation> {
  const installation = await startProcess(deps, config);
  if (installation.gateway === undefined) throw new Error('the gateway is not among the roles');
  return installation as WholeInstallation;
}

/** Starts the roles that are named. Throws ROLE_NEEDS_CLUSTER and others of topology.ts for what cannot work. */
export async function startProcess(deps: InstallationDeps, config: Config): Promise<Installation> {
  const roles = deps.roles ?? ROLES;
  checkTopology(config, roles);
  const place = takePlace(config, roles);
  const started: Started = { closers: [], roles: [], threads: [], draining: false };
  started.closers.push({ stop: () => Promise.resolve(place.release()) });
  const stop = async (graceMs: number): Promise<void> => {
    started.draining = true;
    // One part that cannot end must not keep the others, and the data folder, from it.
    for (const { stop: end } of started.closers.splice(0).toReversed())
      await end(graceMs).catch((error: unknown) => deps.log.error({ error }, 'a part did not stop in order'));
  };
  try {
    const made = await startRoles(deps, config, place, started);
    const drain = async (drainMs: number): Promise<void> => {
      started.draining = true;
      await made.gateway?.drain(drainMs);
    };
    return { ...made, processName: place.name, drain, stop };
  } catch (error) {
    await stop(0);
    throw error;
  }
}

/** The log for the roles of this thread; role threads share it only where it cannot be opened twice. */
async function openPorts(
  deps: InstallationDeps,
  config: Config,
  roles: readonly RoleName[],
  { closers }: Started,
): Promise<{ readonly storage?: Storage; readonly eventLog?: EventLog }> {
  if (roles.includes('gateway')) {
    const storage = await (deps.openStorage ?? openStorage)(deps, config);
    closers.push({ stop: () => storage.close() });
    return { storage, eventLog: storage.eventLog };
  }
  if (!roles.includes('responders')) return {};
  const readSecret = createOwnSecretReader(deps.environment);
  const eventLog = await openEventLog({ ...deps, readSecret }, config);
  closers.push({ stop: () => eventLog.close() });
  return { eventLog };
}

async function startRoles(
  deps: InstallationDeps,
  config: Config,
  place: ProcessPlace,
  started: Started,
): Promise<Omit<Installation, 'drain' | 'stop' | 'processName'>> {
  const { random, environment, roles: wanted = ROLES } = deps;
  const { closers, roles, threads } = started;
  const tokens = createLocalApiTokens(random);
  const metrics = withThreadMetrics(deps.metrics, threads);
  let detectors: DetectorsThread | undefined;
  let responders: RespondersRole | undefined;
  const begin = async <R extends Role>(role: R): Promise<R> => {
    roles.push(role);
    closers.push({ stop: (graceMs) => role.stop(graceMs) });
    await role.start();
    return role;
  };
  const health = (): Health => {
    const states = roles.map((role) => ({ name: role.name, ...role.health() }));
    if (started.draining) states.push({ name: 'process', ready: false, reason: 'it is being stopped' });
    // While it starts, what has not started yet is not ready either.
    for (const name of wanted)
      if (!roles.some((role) => role.name === name))
        states.push({ name, ready: false, reason: 'not started' });
    return { ready: states.every(({ ready }) => ready), roles: states };
  };
  const healthUrl = await listenForHealth({ health, metrics }, config, wanted, started);
  const { storage, eventLog } = await openPorts(deps, config, wanted, started);
  const reload = createReloader(
    {
      log: deps.log,
      readConfig: () => checkConfig(deps.configFile, environment),
      policy: () => gatewayRole?.policy,
      playbooks: () => {
        const problems = responders?.reloadPlaybooks() ?? [];
        return { problems, count: responders?.playbooks().length ?? 0 };
      },
      detectors: async ({ ruleFolders }) => (await detectors?.reload(ruleFolders)) ?? { rules: 0 },
    },
    config,
  );
  const everywhere =
    storage &&
    createReloadEverywhere(
      { ...deps, store: storage.controlStore, local: reload },
      { gatewayId: config.gateway.id, roles: wanted },
    );
  closers.push({ stop: () => Promise.resolve(everywhere?.stop()) });
  const gatewayRole =
    storage === undefined
      ? undefined
      : await createGatewayRole(
          {
            ...deps,
            metrics,
            storage,
            vaultKey: await loadVaultKey(config, environment, random),
            health,
            playbooks: () =>
              responders === undefined ? describeConfiguredPlaybooks(config) : describePlaybooks(responders),
            reload: everywhere!.reload,
          },
          {
            ...config,
            connections: [...config.connections, ...(deps.connections ?? [])],
            controlApi: { ...config.controlApi, tokens: [...config.controlApi.tokens, ...tokens.entries] },
          },
        );
  const threadDeps = {
    ...deps,
    eventLog: config.eventLog.kind === 'embedded' ? storage!.eventLog : null,
    settings: config,
    logLevel: config.logLevel,
    processName: place.name,
    vaultSecrets: gatewayRole && (await readVaultSecrets(gatewayRole.vault, config.sinks)),
  };
  // Detectors and index first: what the gateway then writes meets somebody.
  if (wanted.includes('ingest')) {
    const ingest = ingestThread(threadDeps, config);
    threads.push(ingest);
    await begin(ingest);
  }
  if (wanted.includes('detectors')) {
    detectors = detectorsThread(threadDeps, config);
    threads.push(detectors.role);
    await begin(detectors.role);
  }
  const reachable = eventLog && watchEventLog({ clock: deps.clock, eventLog }, config.health.awayMs);
  closers.push({ stop: () => Promise.resolve(reachable?.stop()) });
  const logProblem = (): string | undefined => reachable?.problem();
  if (gatewayRole !== undefined) await begin(withReachability(gatewayRole, [logProblem]));
  await everywhere?.start();
  if (wanted.includes('responders')) {
    const made = await createResponders(
      {
        ...deps,
        eventLog: eventLog!,
        gateway: gatewayRole,
        token: tokens.responder,
        processName: place.name,
      },
      config,
    );
    closers.push({ stop: () => made.close() });
    responders = made.role;
    const supervised = createSupervisedRole(made.role, deps);
    await begin(withReachability(supervised, [logProblem, () => made.problem()]));
  }
  if (gatewayRole !== undefined)
    writeApiFile(place.path, { url: gatewayRole.api().url, token: tokens.admin });
  return { gateway: gatewayRole, storage, tokens, healthUrl, health, reload };
}

/** From the first moment on: an orchestrator must see that a process starts, and what it waits for. */
async function listenForHealth(
  deps: Parameters<typeof startHealthListener>[0],
  { health: config }: Config,
  roles: readonly RoleName[],
  { closers }: Started,
): Promise<string | undefined> {
  const port = config.port ?? (roles.includes('gateway') ? undefined : 0);
  if (port === undefined) return undefined;
  const listener = await startHealthListener(deps, { host: config.host, port });
  // Begun first, it is the last to go: until the end it says that the process is being stopped.
  closers.push({ stop: () => listener.close() });
  return listener.url;
}
