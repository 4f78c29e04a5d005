/** Every role in one process on the embedded default. */
import { createDeadLetters } from '../platform/dead-letters/dead-letters.ts';
import type { Role } from '../platform/lifecycle/role.ts';
import { createSecretReader } from '../platform/config/secrets.ts';
import { createHttpControlApi } from '../responders/http/control-api.ts';
import { createJsonClient } from '../responders/http/json-client.ts';
import { createRespondersRole, type RespondersRole } from '../responders/role.ts';
import { createCodec } from '../schemas/codec.ts';
import type { PlaybookAnswer } from '../schemas/api/responses.ts';
import type { Config } from '../schemas/config/config.ts';
import { takeDataFolder, type DataFolder } from './data-folder.ts';
import { createGatewayRole, type GatewayRole } from './gateway/gateway-role.ts';
import { createLocalApiTokens, writeApiFile, type LocalApiTokens } from './local-api-tokens.ts';
import { indexFile, openStorage, type Storage, type Surroundings } from './storage.ts';
import { createSupervisedRole } from './threads/supervised-role.ts';
import { createThreadedRole, type ThreadedRole } from './threads/threaded-role.ts';
import { withThreadMetrics } from './threads/thread-metrics.ts';
import type { DetectorsThreadConfig } from './threads/detectors-thread.ts';
import type { IngestThreadConfig } from './threads/ingest-thread.ts';
import { loadVaultKey } from './vault-key.ts';
import type { Environment } from './config.ts';

export interface Installation {
  readonly gateway: GatewayRole;
  readonly storage: Storage;
  readonly tokens: LocalApiTokens;
  /** Ends everything in order; open sessions have `graceMs` to finish. */
  stop(graceMs: number): Promise<void>;
}

export interface InstallationDeps extends Surroundings {
  /** Opens the adapters of the ports; the embedded ones where absent. */
  readonly openStorage?: typeof openStorage;
  readonly environment: Environment;
  readonly logFile: string | null;
}

const threadModule = (name: string): URL =>
  new URL(`./threads/${name}-thread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

function describePlaybooks(role: RespondersRole): PlaybookAnswer[] {
  return role.playbooks().map((playbook) => ({
    name: playbook.name,
    title: playbook.title,
    description: playbook.description,
    version: playbook.version,
    mode: playbook.mode,
    steps: playbook.steps.map(({ id, action, onFailure }) => ({ id, action: action.name, onFailure })),
    budget: playbook.budget ?? null,
    file: playbook.file,
  }));
}

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
  const { clock, random, log, environment } = deps;
  const storage = await (deps.openStorage ?? openStorage)(deps, config);
  started.push({ stop: () => storage.close() });
  const tokens = createLocalApiTokens(random);
  const roles: Role[] = [];
  const threads: ThreadedRole[] = [];
  let responders: RespondersRole | undefined;
  const threadDeps = { ...deps, eventLog: storage.eventLog, logLevel: config.logLevel };
  const begin = async <R extends Role>(role: R): Promise<R> => {
    roles.push(role);
    started.push({ stop: (graceMs) => role.stop(graceMs) });
    await role.start();
    return role;
  };

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
    },
    {
      ...config,
      controlApi: { ...config.controlApi, tokens: [...config.controlApi.tokens, ...tokens.entries] },
    },
  );
  // Detectors and index first: what the gateway then writes meets somebody.
  const ingestConfig: IngestThreadConfig = {
    ingest: config.ingest,
    searchIndex: { ...config.searchIndex, file: indexFile(config) },
  };
  threads.push(await begin(createThreadedRole('ingest', threadModule('ingest'), threadDeps, ingestConfig)));
  const detectorsConfig: DetectorsThreadConfig = {
    detectors: config.detectors,
    ruleFolders: config.ruleFolders,
  };
  threads.push(
    await begin(createThreadedRole('detectors', threadModule('detectors'), threadDeps, detectorsConfig)),
  );
  const gateway = await begin(gatewayRole);

  const deadLetterWriter = await storage.eventLog.writer('dead-letters/responders');
  const deadLetters = createDeadLetters({ writer: deadLetterWriter, clock, log, metrics: deps.metrics });
  const http = createJsonClient(clock, { timeoutMs: config.responders.callTimeoutMs });
  started.push({
    async stop() {
      deadLetters.close();
      http.close();
      await deadLetterWriter.close();
    },
  });
  responders = createRespondersRole(
    {
      ...deps,
      eventLog: storage.eventLog,
      controlApi: createHttpControlApi(http, { url: gateway.api().url, token: tokens.responder }),
      codecs: {
        detection: createCodec('detection'),
        incident: createCodec('incident'),
        response: createCodec('response'),
        verdict: createCodec('verdict'),
        controlRecord: createCodec('control-record'),
      },
      deadLetters,
      readSecret: createSecretReader(environment, async (path) => (await gateway.vault.get(path))?.value),
    },
    config.responders,
  );
  await begin(createSupervisedRole(responders, deps));
  writeApiFile(folder.path, { url: gateway.api().url, token: tokens.admin });
  return { gateway, storage, tokens };
}
