/** The control API over loopback on a real control store, control writer and event log; what lies behind them is small. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import Value from 'typebox/value';
import { sha256Hex } from '../../../platform/digest/sha256.ts';
import type { Clock } from '../../../platform/clock/clock.ts';
import { createSystemClock, createSystemRandom } from '../../../platform/clock/system-clock.ts';
import type { ControlStore } from '../../../platform/control-store/control-store.ts';
import { createInProcessControlStore } from '../../../platform/control-store/sqlite/sqlite-control-store.ts';
import { createNodeDisk } from '../../../platform/disk/node-disk.ts';
import { createEmbeddedEventLog } from '../../../platform/event-log/embedded/embedded-event-log.ts';
import { allTopics } from '../../../platform/event-log/test/all-topics.ts';
import type { EventLog } from '../../../platform/event-log/event-log.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { createPromMetrics } from '../../../platform/metrics/prom-metrics.ts';
import type { SearchIndex, SearchQuery } from '../../../platform/search-index/search-index.ts';
import { createCodec } from '../../../schemas/codec.ts';
import type { Scope } from '../../../schemas/api/common.ts';
import { AccessConfig } from '../../../schemas/config/access.ts';
import { ControlApiConfig } from '../../../schemas/config/control-api.ts';
import { ControlStoreConfig } from '../../../schemas/config/control-store.ts';
import { EventLogConfig } from '../../../schemas/config/event-log.ts';
import { GatewayConfig } from '../../../schemas/config/gateway.ts';
import type { SessionSummary } from '../../../schemas/api/sessions.ts';
import type { ControlAction } from '../../../schemas/types.ts';
import { createAccess, type OwnAccess } from '../../access/create-access.ts';
import { createExchanger } from '../../access/exchange/exchanger.ts';
import { createTokenExchange } from '../../access/exchange/token-exchange.ts';
import { createIssuers } from '../../access/issuers/issuers.ts';
import { createCertificateSources } from '../../access/proof/certificates.ts';
import { createDpopProofs } from '../../access/proof/dpop.ts';
import { createScimDirectory } from '../../access/scim/directory.ts';
import { createTokenStore, type TokenStore } from '../../access/token-store.ts';
import { createApprovals } from '../../approvals/create-approvals.ts';
import { createSecondFactors } from '../../approvals/factors/second-factors.ts';
import { ApprovalsConfig } from '../../../schemas/config/approvals.ts';
import { createControlView } from '../../control/control-view.ts';
import { playRelay } from '../../control/test/play-relay.ts';
import { createControlWriter, type ControlWriter } from '../../control/control-writer.ts';
import { createControlApi } from '../control-api.ts';
import { createEmbeddedVault } from '../../credentials/embedded-vault.ts';
import { createDeadLettersService } from '../../dead-letters/service.ts';
import type { ControlApiServices } from '../services.ts';

const SCOPES: readonly Scope[] = ['read', 'contain', 'release', 'issue', 'scim', 'admin'];
export const codecs = {
  sessionEvent: createCodec('session-event'),
  detection: createCodec('detection'),
  incident: createCodec('incident'),
  response: createCodec('response'),
};

export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  readonly type: string | null;
  readonly body: T;
}
export interface World {
  readonly url: string;
  readonly actions: Omit<ControlAction, 'kind'>[];
  readonly searches: SearchQuery[];
  readonly log: EventLog;
  readonly sessions: Map<string, SessionSummary>;
  applied: boolean;
  /** Tokens that were issued by exchange. */
  readonly issued: { readonly tokenId: string; readonly by: string }[];
  readonly tokens: TokenStore;
  readonly clock: Clock;
  readonly control: ControlWriter;
  readonly store: ControlStore;
  /** Brings control records into force. */
  relay(): Promise<void>;
  call<T = Record<string, unknown>>(
    method: string,
    path: string,
    options?: { token?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Answer<T>>;
}

export const session = (sessionId: string, state: 'live' | 'closed'): SessionSummary => ({
  sessionId,
  state,
  gateway: 'g',
  identityId: 'countersign/a',
  identityKind: 'service_account',
  displayName: 'a',
  tokenId: 't',
  credentialSource: null,
  connection: 'c',
  protocol: 'postgres',
  database: null,
  clientIp: '192.0.2.1',
  tool: null,
  openedAt: 1,
  closedAt: null,
  closeReason: null,
  requests: 0,
  rows: 0,
  bytes: 0,
  recordingId: null,
});

export async function openWorld(
  t: TestContext,
  config: Partial<ControlApiConfig> = {},
  accessExtra: Partial<AccessConfig> = {},
): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'control-api-'));
  const clock = createSystemClock();
  const random = createSystemRandom();
  const metrics = createPromMetrics();
  const log = createEmbeddedEventLog(
    { disk: createNodeDisk(), clock, random, log: silentLogger, metrics },
    { ...(Value.Default(EventLogConfig, {}) as EventLogConfig), folder },
  );
  await log.ensureTopics(allTopics(2));
  const store = createInProcessControlStore(
    { clock },
    { ...(Value.Default(ControlStoreConfig, {}) as ControlStoreConfig), file: ':memory:' },
  );
  const control = createControlWriter(
    { store, clock, random, codec: createCodec('control-record') },
    { lockoutBudget: { identitiesMax: 3, windowMs: 60_000 }, breakGlassIdentities: ['countersign/glass'] },
  );
  const world = {
    actions: [] as Omit<ControlAction, 'kind'>[],
    searches: [] as SearchQuery[],
    sessions: new Map<string, SessionSummary>(),
    log,
    applied: true,
    issued: [] as { tokenId: string; by: string }[],
  };
  const view = createControlView({ clock });
  const settings = Value.Default(GatewayConfig, {}) as GatewayConfig;
  const accessSettings = { ...(Value.Default(AccessConfig, {}) as AccessConfig), ...accessExtra };
  const tokens = createTokenStore({ store, clock, random }, settings);
  const issuers = createIssuers({ clock, readSecret: () => Promise.resolve('') }, accessSettings);
  const certificates = createCertificateSources({ clock }, accessSettings);
  const exchanger = createExchanger({ store, clock, random, onAccount: (id) => access.forget(id) }, settings);
  const access: OwnAccess = createAccess(
    {
      tokens,
      view,
      lease: { held: () => true },
      clock,
      decoySecret: Buffer.alloc(32, 1),
      outside: { issuers, exchanger },
    },
    settings,
  );
  const relay = async (): Promise<void> => void (await playRelay(store, view));
  const services: ControlApiServices = {
    gatewayId: 'g',
    logins: {
      access,
      // As one of several gateways.
      dpop: createDpopProofs({
        clock,
        store: {
          presence: { id: 'here', isGone: () => Promise.resolve(false) },
          transact: (work, how) => store.transact(work, how),
        },
      }),
      tokenExchange: createTokenExchange({ access, tokens, issuers, certificates, exchanger, view, clock }),
      authorities: () => certificates.authorities(),
      groupScopes: accessSettings.groupScopes,
      exchangesPerMinuteMax: accessSettings.exchangesPerMinuteMax,
      login: undefined,
      ...(accessSettings.scim === undefined
        ? {}
        : {
            scim: createScimDirectory(
              { store, clock, random, control, onAccount: (id) => access.forget(id) },
              accessSettings.scim,
            ),
          }),
      issued: ({ tokenId }, by) => void world.issued.push({ tokenId, by }),
    },
    control,
    inForce: () => Promise.resolve(world.applied),
    sessions: {
      list: () => Promise.resolve({ items: [...world.sessions.values()] }),
      get: (id) => Promise.resolve(world.sessions.get(id)),
      identitiesHit: () => Promise.resolve([]),
    },
    tokens: {
      issue: ({ identityId, connections }, { by }) =>
        Promise.resolve({
          ok: true,
          value: {
            token: 'secret',
            userName: identityId,
            summary: {
              tokenId: 'tok',
              identityId,
              connections,
              credentialSource: null,
              issuedAt: 1,
              issuedBy: by,
              expiresAt: 2,
              revokedAt: null,
            },
          },
        }),
      list: () => Promise.resolve({ items: [] }),
    },
    approvals: {
      ...createApprovals(
        {
          store,
          view,
          codec: createCodec('control-record'),
          clock,
          random,
          log: silentLogger,
          gateway: 'g',
        },
        Value.Default(ApprovalsConfig, {}) as ApprovalsConfig,
      ),
      factors: createSecondFactors({
        store,
        vault: await createEmbeddedVault({ store, random }, { key: Buffer.alloc(32, 1) }),
        clock,
        random,
        party: () => ({ id: 'localhost', origins: ['http://localhost'] }),
      }),
      page: () => 'http://localhost',
      person: () => Promise.resolve(undefined),
      notices: { tell: () => undefined, close: () => Promise.resolve() },
      chats: new Map(),
      lastRevision: () => Promise.resolve(0),
      recordDecided: () => undefined,
    },
    sshCertificate: () => Promise.resolve({ ok: true, value: { certificate: '', expiresAt: 0 } }),
    identities: {
      put: (value) => Promise.resolve({ ok: true, value }),
      list: () => Promise.resolve({ items: [] }),
      review: () => Promise.resolve({ findings: [], identities: 0, unusedDays: 90, usageKnown: true }),
    },
    connections: {
      list: () => Promise.resolve({ items: [] }),
      put: (name, { credential: _credential, ...connection }) =>
        Promise.resolve({ ok: true, value: { name, ...connection } }),
      remove: (name) => Promise.resolve(name === 'there'),
      protocolOf: (name) => ({ orders: 'postgres', cluster: 'kubernetes' })[name],
      check: () => Promise.resolve({ ok: true, steps: [] }),
    },
    recordings: {
      read: (id) =>
        Promise.resolve(
          id === 'recorded'
            ? (async function* () {
                yield { time: 1, stream: 'in', requestId: null, data: 'YQ==' };
                yield { time: 2, stream: 'problem', requestId: null, data: 'chunk 2 is corrupt' };
              })()
            : undefined,
        ),
    },
    search: {
      search(query: SearchQuery) {
        world.searches.push(query);
        return Promise.resolve({ hits: [{ id: 'e1', document: { '@timestamp': 1 } }] });
      },
    } as unknown as SearchIndex,
    deadLetters: createDeadLettersService({ store, eventLog: log, clock, search: {} as SearchIndex }),
    eventLog: log,
    auditKey: { gateway: 'g', keyId: 'k', publicKey: 'p', checkpointMs: 5000 },
    auditKeys: () => Promise.resolve([{ gateway: 'g', keyId: 'k', publicKey: 'p', checkpointMs: 5000 }]),
    codecs,
    importEvents: () => Promise.reject(new Error('not in these tests')),
    playbooks: () => [],
    reload: () => Promise.reject(new Error('not in these tests')),
    listener: (protocol) =>
      protocol === 'postgres' ? { host: '127.0.0.1', port: 1, tls: true, ca: null } : undefined,
    recordControlAction: (action) => void world.actions.push(action),
    incidentLink: ({ incidentId }) => `https://kibana.example/${incidentId}`,
    health: () => ({ ready: world.applied, roles: [] }),
    readSecret: () => Promise.reject(new Error('no secrets here')),
    clock,
    log: silentLogger,
    metrics,
  };
  const api = createControlApi(services, {
    ...(Value.Default(ControlApiConfig, {}) as ControlApiConfig),
    port: 0,
    tokens: SCOPES.map((scope) => ({
      subject: `who-${scope}`,
      scopes: scope === 'read' ? [scope] : [scope, 'read'],
      sha256: sha256Hex(`token-${scope}`),
    })),
    ...config,
  });
  t.after(async () => {
    await api.stop();
    await store.close();
    await log.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await api.start();
  const { url } = api.address();
  return Object.assign(world, {
    url,
    tokens,
    clock,
    control,
    store,
    relay,
    async call(
      method: string,
      path: string,
      options: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
    ) {
      const response = await fetch(new URL(path, url), {
        method,
        headers: {
          authorization: `Bearer ${options.token ?? 'token-admin'}`,
          ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...options.headers,
        },
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      });
      const text = await response.text();
      const type = response.headers.get('content-type');
      return {
        status: response.status,
        type,
        body: (type?.includes('json') === true && !type.includes('ndjson')
          ? JSON.parse(text)
          : text) as never,
      };
    },
  });
}
