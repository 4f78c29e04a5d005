/** Several gateways as they are in production, in one process: one PostgreSQL, one embedded log, a relay and a spool each. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Value from 'typebox/value';
import type { Clock } from '../../../platform/clock/clock.ts';
import { createSystemClock, createSystemRandom } from '../../../platform/clock/system-clock.ts';
import type { ControlStore } from '../../../platform/control-store/control-store.ts';
import { startStoreServer, type StoreServer } from '../../../platform/control-store/postgres/test/support.ts';
import { createSharedOutboxRelay } from '../../../platform/control-store/shared-outbox-relay.ts';
import type { OutboxRelay } from '../../../platform/control-store/outbox-relay.ts';
import { createNodeDisk } from '../../../platform/disk/node-disk.ts';
import { createEmbeddedEventLog } from '../../../platform/event-log/embedded/embedded-event-log.ts';
import { allTopics } from '../../../platform/event-log/test/all-topics.ts';
import type { EventLog } from '../../../platform/event-log/event-log.ts';
import { createFolderRecordingStore } from '../../../platform/recording-store/folder/folder-recording-store.ts';
import { ApprovalsConfig } from '../../../schemas/config/approvals.ts';
import { EventLogConfig } from '../../../schemas/config/event-log.ts';
import type { GatewayConfig } from '../../../schemas/config/gateway.ts';
import { createEmbeddedVault, type EmbeddedVault } from '../../credentials/embedded-vault.ts';
import type { Policy } from '../../policy/decision.ts';
import { createGatewayCore, loadSharedKey, type GatewayCore } from '../../sessions/gateway-core.ts';
import { gatewayConfig } from '../../sessions/test/harness.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { quietMetrics } from '../../../test/support/quiet-metrics.ts';
import { waitInForce } from '../lease.ts';

export interface Cut {
  store: boolean;
  log: boolean;
  /** Resolves while the log can be reached. */
  logBack(): Promise<void>;
}

function createCut(): Cut {
  let back = Promise.withResolvers<void>();
  back.resolve();
  let log = false;
  return {
    store: false,
    get log() {
      return log;
    },
    set log(now) {
      if (now && !log) back = Promise.withResolvers();
      if (!now) back.resolve();
      log = now;
    },
    logBack: () => back.promise,
  };
}

export interface Member {
  readonly id: string;
  readonly store: ControlStore;
  readonly core: GatewayCore;
  readonly vault: EmbeddedVault;
  readonly hmacKey: Buffer;
  readonly relay: OutboxRelay;
  /** Cuts it off the store, or off the control topic; as a broken network does. */
  readonly cut: Cut;
  inForce(revision: number, timeoutMs?: number): Promise<boolean>;
  /** Nothing of it reaches the store any more, and its relay stands still: what others see of a killed process. */
  die(): void;
  stop(): Promise<void>;
  /** What `stop` does after the core has been stopped. */
  leave(): Promise<void>;
}

export interface Cluster {
  readonly servers: StoreServer;
  readonly eventLog: EventLog;
  /** `wallAheadMs`: its wall clock against the others'. */
  start(
    id: string,
    options?: {
      readonly wallAheadMs?: number;
      readonly vaultKey?: Buffer;
      readonly folder?: string;
      readonly config?: Partial<GatewayConfig>;
      /** Absent: everything is allowed. */
      readonly policy?: Policy;
      readonly approvals?: Partial<ApprovalsConfig>;
    },
  ): Promise<Member>;
  stop(): Promise<void>;
}

const ALLOW_ALL: Policy = { version: 1, decide: () => ({ outcome: 'allow', rule: 'r', reason: 'x' }) };
const random = createSystemRandom();
const away = (): Error => new Error('cut off');

function cutStore(store: ControlStore, cut: Cut): ControlStore {
  const through = <R>(work: () => Promise<R>): Promise<R> => (cut.store ? Promise.reject(away()) : work());
  return {
    ...(store.presence === undefined ? {} : { presence: store.presence }),
    transact: (...given) => through(() => store.transact(...given)),
    get: (...given) => through(() => store.get(...given)),
    list: (...given) => through(() => store.list(...given)),
    revision: () => through(() => store.revision()),
    outbox: (limit) => through(() => store.outbox(limit)),
    acknowledgeOutbox: (sequence) => through(() => store.acknowledgeOutbox(sequence)),
    onPublished: (callback) => store.onPublished(() => !cut.store && callback()),
    close: () => store.close(),
  };
}

function cutLog(log: EventLog, cut: Cut): EventLog {
  return {
    ensureTopics: (topics) => log.ensureTopics(topics),
    writer: async (name) => {
      const writer = await log.writer(name);
      return {
        async append(topic, records) {
          await cut.logBack();
          return writer.append(topic, records);
        },
        close: () => writer.close(),
      };
    },
    consume: (options) => log.consume(options),
    read: (options) =>
      log.read({
        ...options,
        async onRecords(records) {
          await cut.logBack();
          await options.onRecords(records);
        },
      }),
    endOffsets: (topic) => log.endOffsets(topic),
    partitions: (topic) => log.partitions(topic),
    partitionOf: (topic, key) => log.partitionOf(topic, key),
    close: () => Promise.resolve(),
  };
}

/** `defaults`: configuration of every gateway. */
export async function startCluster(
  servers?: StoreServer,
  defaults: Partial<GatewayConfig> = {},
): Promise<Cluster> {
  const own = servers ?? (await startStoreServer());
  const folder = mkdtempSync(join(tmpdir(), 'gateways-'));
  const disk = createNodeDisk();
  const system = createSystemClock();
  const eventLog = createEmbeddedEventLog(
    { disk, clock: system, random, log: silentLogger, metrics: quietMetrics },
    { ...(Value.Default(EventLogConfig, {}) as EventLogConfig), folder: join(folder, 'log') },
  );
  await eventLog.ensureTopics(allTopics(4));
  const schema = own.newSchema();
  const members = new Set<Member>();
  let spools = 0;

  const start: Cluster['start'] = async (id, options = {}) => {
    const { wallAheadMs = 0, vaultKey = Buffer.alloc(32, 1), config = {} } = options;
    const clock: Clock = { ...system, now: () => system.now() + wallAheadMs };
    const cut = createCut();
    const real = await own.open({ schema }, { clock });
    const store = cutStore(real, cut);
    const log = cutLog(eventLog, cut);
    const base = { disk, clock, random, log: silentLogger, metrics: quietMetrics };
    const place = options.folder ?? join(folder, `spool-${(spools += 1)}`);
    try {
      const vault = await createEmbeddedVault({ store, random }, { key: vaultKey });
      const hmacKey = await loadSharedKey(vault, random, 'hmac-key');
      const relay = createSharedOutboxRelay({ ...base, store, eventLog: log }, { name: id });
      relay.start();
      const core = await createGatewayCore(
        {
          ...base,
          store,
          eventLog: log,
          vault,
          recordingStore: createFolderRecordingStore(base, {
            folder: join(folder, 'recordings'),
            chunkBytesMax: 1e6,
          }),
          policy: options.policy ?? ALLOW_ALL,
          endLeftover: () => Promise.resolve(),
        },
        gatewayConfig({
          id,
          spoolFolder: join(place, 'spool'),
          recordingFolder: join(place, 'local'),
          ...defaults,
          ...config,
        }),
        {
          approvals: {
            ...(Value.Default(ApprovalsConfig, {}) as ApprovalsConfig),
            ...options.approvals,
          },
        },
      ).catch(async (error: unknown) => {
        await relay.stop();
        throw error;
      });
      await core.start();
      const member: Member = {
        id,
        store,
        core,
        vault,
        hmacKey,
        relay,
        cut,
        inForce: (revision, timeoutMs = 10_000) =>
          waitInForce({ store, clock, lease: core.lease }, revision, timeoutMs),
        die() {
          cut.store = true;
          cut.log = true;
        },
        async stop() {
          cut.log = false;
          cut.store = false;
          await core.stop(1000);
          await member.leave();
        },
        async leave() {
          members.delete(member);
          await relay.stop();
          await real.close();
        },
      };
      members.add(member);
      return member;
    } catch (error) {
      await real.close();
      throw error;
    }
  };
  return {
    servers: own,
    eventLog,
    start,
    async stop() {
      await Promise.all([...members].map((member) => member.stop()));
      await eventLog.close();
      if (servers === undefined) await own.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
