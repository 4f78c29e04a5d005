/** The gateway put together: its core, the listeners of the data path, and the control API. */
import { createIssuers } from '../../gateway/access/issuers/issuers.ts';
import type { GrantAccounts } from '../../gateway/approvals/grant-accounts.ts';
import { createControlApi, type ControlApi } from '../../gateway/control-api/control-api.ts';
import type { ControlApiServices, ListenerAnswer } from '../../gateway/control-api/services.ts';
import { listAuditKeys } from '../../gateway/control/audit-keys.ts';
import { waitInForce } from '../../gateway/control/lease.ts';
import { createKeyedHmac } from '../../gateway/credentials/keyed-hmac.ts';
import { createEmbeddedVault, type EmbeddedVault } from '../../gateway/credentials/embedded-vault.ts';
import { createDeadLettersService } from '../../gateway/dead-letters/service.ts';
import { createPolicy } from '../../gateway/policy/create-policy.ts';
import type { ReplaceablePolicy } from '../../gateway/policy/replaceable-policy.ts';
import type { ProtocolDeps, ProtocolListener } from '../../gateway/protocols/protocol.ts';
import { protocols } from '../../gateway/protocols/registry.ts';
import { issueCertificate } from '../../gateway/protocols/ssh/keys/issue-certificate.ts';
import { createGatewayCore, loadSharedKey, type GatewayCore } from '../../gateway/sessions/gateway-core.ts';
import type { Role } from '../../platform/lifecycle/role.ts';
import { createSecretReader } from '../../platform/config/secrets.ts';
import { createCodec } from '../../schemas/codec.ts';
import type { PlaybookAnswer } from '../../schemas/api/responses.ts';
import type { ReloadAnswer } from '../../schemas/api/reload.ts';
import type { Health } from '../../schemas/api/service.ts';
import type { Config } from '../../schemas/config/config.ts';
import { incidentLink } from '../../schemas/kibana-link.ts';
import type { Environment } from '../config.ts';
import type { Storage, Surroundings } from '../storage.ts';
import { programVersion } from '../version.ts';
import { createApprovalsService } from './approvals-service.ts';
import { createConnections } from './connections.ts';
import { startGrantAccounts } from './grants.ts';
import { createImportService } from './import-service.ts';
import { createLeftoverEnder } from './leftovers.ts';
import { createKeeper } from './keeper.ts';
import { listenerTls } from './listener-tls.ts';
import { createPeople } from './people.ts';
import { createRecordingService } from './recording-service.ts';
import { createSessionService } from './session-service.ts';

export interface GatewayDeps extends Surroundings {
  readonly storage: Storage;
  readonly environment: Environment;
  readonly vaultKey: Buffer;
  /** Of all roles of this process, for /readyz. */
  readonly health: () => Health;
  readonly playbooks: () => readonly PlaybookAnswer[];
  readonly reload: () => Promise<ReloadAnswer>;
}

export interface GatewayRole extends Role {
  readonly vault: EmbeddedVault;
  readonly policy: ReplaceablePolicy;
  listener(protocol: string): ListenerAnswer | undefined;
  /**
   * Takes no new clients from now on, says that it is not ready, and resolves when the open sessions are over; those that go on after
   * `drainMs` are ended. The control API answers meanwhile, and lockouts come into force as ever.
   */
  drain(drainMs: number): Promise<void>;
  /** Where the control API listens; throws before the start. */
  api(): ReturnType<ControlApi['address']>;
}

interface Running {
  readonly core: GatewayCore;
  readonly api: ControlApi;
}

/** Opens the vault; the role itself serves after `start`. */
export async function createGatewayRole(deps: GatewayDeps, config: Config): Promise<GatewayRole> {
  const { storage, clock, random, log, metrics } = deps;
  const { eventLog, controlStore: store } = storage;
  const vault = await createEmbeddedVault({ store, random }, { key: deps.vaultKey });
  const hmac = createKeyedHmac(await loadSharedKey(vault, random, 'hmac-key'));
  const readSecret = createSecretReader(deps.environment, async (path) => (await vault.get(path))?.value);
  const connections = createConnections({ store, vault, clock, readSecret }, config.connections);
  const policy = createPolicy(
    { clock, random, log, metrics, readSecret, gatewayId: config.gateway.id, programVersion },
    config.policy,
  );
  const kept = createKeeper(vault);
  const addresses = new Map<string, ListenerAnswer>();
  const closers: ((graceMs: number) => Promise<void> | void)[] = [];
  const listeners: ProtocolListener[] = [];
  let drained: Promise<void> | undefined;
  let grantAccounts: GrantAccounts | undefined;
  let running: Running | undefined;

  const protocolDeps = ({ access, sessions }: Pick<GatewayCore, 'access' | 'sessions'>): ProtocolDeps => ({
    access,
    sessions,
    connection: (name) => connections.find(name),
    credential: (connection) => connections.credential(connection),
    grantAccount: (identityId, connection) =>
      grantAccounts?.accountFor(identityId, connection) ?? Promise.resolve(undefined),
    kept,
    clock,
    random,
    log,
    metrics,
    hmac,
  });

  const issuers = createIssuers({ clock, readSecret }, config.access);

  const startCore = async (): Promise<GatewayCore> => {
    const leftovers = createLeftoverEnder({
      clock,
      log,
      connections,
      protocolDeps: () => protocolDeps(core),
    });
    closers.push(() => leftovers.close());
    const core: GatewayCore = await createGatewayCore(
      {
        ...deps,
        ...storage,
        store,
        vault,
        policy,
        issuers,
        endLeftover: leftovers.end,
      },
      config.gateway,
      config,
    );
    await core.start();
    grantAccounts = startGrantAccounts(
      { ...deps, core, store, vault, protocolDeps: () => protocolDeps(core) },
      config.gateway.id,
    );
    closers.push(() => grantAccounts?.stop());
    return core;
  };

  const startListeners = async (core: GatewayCore): Promise<void> => {
    const shared = protocolDeps(core);
    for (const protocol of protocols) {
      const listenerConfig = config[protocol.name as 'postgres' | 'ssh'];
      // A name of another protocol's connection is none of this one's.
      const connection: ProtocolDeps['connection'] = (name) => {
        const found = connections.find(name);
        return found?.protocol === protocol.name ? found : undefined;
      };
      const listener = await protocol.createListener({ ...shared, connection }, listenerConfig, {
        tls: () => listenerTls(listenerConfig, config.dataFolder, clock.now()),
      });
      const { host, port, trust } = await listener.start();
      listeners.push(listener);
      closers.push((graceMs) => drained ?? listener.stop(graceMs));
      addresses.set(protocol.name, { host, port, ...trust });
    }
  };

  const startApi = async (core: GatewayCore): Promise<ControlApi> => {
    const sessionEvent = createCodec('session-event');
    const imports = await createImportService(
      { eventLog, clock, log, codec: sessionEvent, verdicts: createCodec('verdict') },
      config.gateway.id,
    );
    closers.push(() => imports.close());
    const approvals = await createApprovalsService(
      { core, store, vault, clock, random, log, metrics, readSecret, port: () => api.address().port },
      config,
    );
    closers.push(() => approvals.notices.close());
    const services: ControlApiServices = {
      gatewayId: config.gateway.id,
      control: core.control,
      inForce: (revision, timeoutMs) => waitInForce({ store, clock, lease: core.lease }, revision, timeoutMs),
      sessions: createSessionService(core.sessions, storage.searchIndex, config.gateway.id),
      ...createPeople({ core, issuers, store, clock, random, search: storage.searchIndex }, config.access),
      approvals,
      sshCertificate: (request) => issueCertificate({ kept, tokens: core.tokens, clock, random }, request),
      connections: connections.service,
      recordings: createRecordingService(storage.recordingStore, vault),
      deadLetters: createDeadLettersService({ store, eventLog, clock, search: storage.searchIndex }),
      search: storage.searchIndex,
      eventLog,
      auditKeys: () => listAuditKeys(store),
      auditKey: {
        gateway: config.gateway.id,
        keyId: core.signer.keyId,
        publicKey: core.signer.publicKeyPem,
        checkpointMs: config.gateway.checkpointMs,
      },
      codecs: {
        sessionEvent,
        detection: createCodec('detection'),
        incident: createCodec('incident'),
        response: createCodec('response'),
      },
      importEvents: imports.importEvents,
      playbooks: deps.playbooks,
      reload: deps.reload,
      listener: (protocol) => addresses.get(protocol),
      recordControlAction: (action) => core.sessions.record({ kind: 'control_action', ...action }),
      health: deps.health,
      incidentLink: (incident) => incidentLink(config.kibana, incident),
      readSecret,
      clock,
      log,
      metrics,
    };
    const api: ControlApi = createControlApi(services, config.controlApi);
    await api.start();
    closers.push((graceMs) => api.stop(graceMs));
    return api;
  };

  return {
    name: 'gateway',
    vault,
    policy,
    listener: (protocol) => addresses.get(protocol),
    api() {
      if (running === undefined) throw new Error('the gateway has not started');
      return running.api.address();
    },
    async start() {
      await policy.start();
      closers.push(() => policy.close());
      await connections.start();
      closers.push(() => connections.stop());
      closers.push(() => issuers.close());
      const core = await startCore();
      closers.push((graceMs) => core.stop(graceMs));
      await startListeners(core);
      const api = await startApi(core);
      running = { core, api };
    },
    async drain(drainMs) {
      drained ??= Promise.all(listeners.map((listener) => listener.stop(drainMs))).then(() => undefined);
      await drained;
    },
    async stop(graceMs) {
      // What was started last goes first: no new calls, no new clients, then the sessions.
      for (const closer of closers.splice(0).toReversed()) await closer(graceMs);
    },
    health() {
      if (running === undefined) return { ready: false, reason: 'not started' };
      const core = running.core.health();
      if (!core.ready) return core;
      const fault = policy.fault();
      if (fault !== undefined) return { ready: false, reason: `policy: ${fault.message} (${fault.code})` };
      return drained === undefined
        ? storage.outbox.health()
        : { ready: false, reason: 'it is being drained' };
    },
  };
}
