/** A whole installation: log, control state, gateways, detectors, responders; each process starts again after it has died. */
import Value from 'typebox/value';
import { createDetectorsRole } from '../../detectors/role.ts';
import { EMPTY_DIRECTORY } from '../../detectors/directory/directory.ts';
import { topicOptions } from '../../main/topics.ts';
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import { createInProcessControlStore } from '../../platform/control-store/sqlite/sqlite-control-store.ts';
import { createOutboxRelay } from '../../platform/control-store/outbox-relay.ts';
import { createSharedOutboxRelay } from '../../platform/control-store/shared-outbox-relay.ts';
import { createDeadLetters } from '../../platform/dead-letters/dead-letters.ts';
import { createSimulatedDisk, type SimulatedDisk } from '../../platform/disk/simulated-disk.ts';
import {
  createEmbeddedEventLog,
  type EmbeddedEventLog,
} from '../../platform/event-log/embedded/embedded-event-log.ts';
import { createRespondersRole } from '../../responders/role.ts';
import { createCodec } from '../../schemas/codec.ts';
import { ControlStoreConfig } from '../../schemas/config/control-store.ts';
import { DetectorsConfig } from '../../schemas/config/detectors.ts';
import { EventLogConfig } from '../../schemas/config/event-log.ts';
import { RespondersConfig } from '../../schemas/config/responders.ts';
import { createControlCalls } from './control-calls.ts';
import { simulatedDetectors } from './detectors.ts';
import { createFailingDisk } from './failing-disk.ts';
import { startGateway, type GatewayProcess } from './gateway-process.ts';
import { createLife, type Life } from './life.ts';
import { createLogLink } from './log-link.ts';
import { createMemoryRecordings } from './memory-recordings.ts';
import type { Parts } from './parts.ts';
import type { Plan } from './plan.ts';
import { createStoreLink } from './store-link.ts';
import type { Target } from './target.ts';
import type { World } from './world.ts';

export type CrashKind = 'kill' | 'power';

/** One process that is started again whenever it dies. */
interface Service {
  life: Life;
  ready: boolean;
}

export interface Installation {
  readonly store: ControlStore;
  /** Public keys of the gateways by key id. */
  readonly publicKeys: Readonly<Record<string, string>>;
  readonly disks: readonly SimulatedDisk[];
  readonly logDisk: SimulatedDisk;
  log(): EmbeddedEventLog;
  /** Gateways that serve now. */
  gateways(): readonly GatewayProcess[];
  ready(): boolean;
  start(): void;
  crashGateway(index: number, kind: CrashKind): void;
  /** The gateway dies at a change of its disk a little later. */
  crashGatewayAt(index: number, changes: number, kind: CrashKind): void;
  crashDetectors(): void;
  crashOutbox(): void;
  crashResponders(): void;
  /** The machine with everything on it. */
  crashMachine(kind: CrashKind): void;
}

export const PARTITIONS = 2;
const RESTART_MS_MAX = 300;
/** A gateway that is not ready for so long is started again, as a supervisor does. */
const GATEWAY_PATIENCE_MS = 4000;
const logDefaults = Value.Default(EventLogConfig, {}) as EventLogConfig;
const detectorDefaults = Value.Default(DetectorsConfig, {}) as DetectorsConfig;
const responderDefaults = Value.Default(RespondersConfig, {}) as RespondersConfig;
const storeDefaults = Value.Default(ControlStoreConfig, {}) as ControlStoreConfig;

export const simulatedLogConfig = (flush: 'process' | 'power'): EventLogConfig => ({
  ...logDefaults,
  folder: '/log',
  flush,
  segmentBytesMax: 64 * 1024,
  compactedSegmentBytesMax: 32 * 1024,
  maintenancePeriodMs: 2000,
});
export const detectorsConfig: DetectorsConfig = { ...detectorDefaults, commitPeriodMs: 400 };
const codecs = {
  detection: createCodec('detection'),
  incident: createCodec('incident'),
  response: createCodec('response'),
  verdict: createCodec('verdict'),
  controlRecord: createCodec('control-record'),
};

export function createInstallation(world: World, plan: Plan, target: Target, parts: Parts): Installation {
  const { clock, chance, faults } = world;
  const disk = (): SimulatedDisk =>
    createSimulatedDisk({ clock, random: world.random() }, { latencyMsMax: 2 });
  const logDisk = disk();
  const disks = Array.from({ length: plan.gateways }, disk);
  const store = createInProcessControlStore(
    { clock },
    { ...storeDefaults, file: ':memory:', foreignPollMs: 0 },
  );
  const publicKeys: Record<string, string> = {};
  const recordingStore = createMemoryRecordings();
  const relayNames = plan.gateways === 1 ? ['outbox'] : ['outbox-1', 'outbox-2'];
  const randoms = disks.map(() => world.random());
  const restart = new Map<string, () => void>();
  const services = new Map<string, Service>();
  const gateways: (GatewayProcess | undefined)[] = disks.map(() => undefined);
  let log: EmbeddedEventLog | undefined;
  let logLife = createLife(clock, 'log');

  const link = (life: Life) => createLogLink({ clock, chance, faults, life }, log!);
  /** Starts a process and starts it again, a little later, each time it dies or cannot start. */
  const keep = (name: string, run: (life: Life) => Promise<void>, wallAheadMs = 0): void => {
    const begin = (): void => {
      if (log === undefined) return;
      const life = createLife(clock, name, wallAheadMs);
      const service: Service = { life, ready: false };
      services.set(name, service);
      life.onEnd(() => {
        service.ready = false;
        world.trace(`${name} is gone`);
        clock.after(chance.between(1, RESTART_MS_MAX), () => {
          if (services.get(name) === service) begin();
        });
      });
      life.guard(run(life)).then(
        () => {
          service.ready = true;
          world.trace(`${name} is up`);
        },
        (error: unknown) => {
          world.trace(`${name} cannot start: ${(error as Error).message}`);
          life.end();
        },
      );
    };
    restart.set(name, begin);
  };
  const gatewayName = (index: number): string => `gateway-${index + 1}`;
  disks.forEach((own, index) => {
    const run = async (life: Life): Promise<void> => {
      life.onEnd(() => {
        gateways[index] = undefined;
        // However it ended: nothing of it writes any more.
        own.crash('kill');
      });
      const kinds: { next: CrashKind } = { next: 'kill' };
      const failing = createFailingDisk(own.boot(), chance, () => {
        own.crash(kinds.next);
        life.end();
      });
      crashKinds[index] = kinds;
      failingDisks[index] = failing;
      const started = await startGateway(
        {
          world,
          life,
          disk: parts.gatewayDisk(failing),
          log: parts.gatewayLog(link(life)),
          store: parts.gatewayStore(createStoreLink({ chance, faults, life }, store)),
          random: randoms[index]!,
          recordingStore,
          endLeftover({ targetSession }) {
            target.live.delete(targetSession);
            return Promise.resolve();
          },
        },
        { id: gatewayName(index), durability: plan.durability },
      );
      if (!life.alive()) return;
      publicKeys[started.signer.keyId] = started.signer.publicKeyPem;
      gateways[index] = started;
      watchHealth(life, () => started.health().ready, GATEWAY_PATIENCE_MS);
    };
    keep(gatewayName(index), run, plan.wallAheadMs[index]);
  });
  const failingDisks: ReturnType<typeof createFailingDisk>[] = [];
  const crashKinds: { next: CrashKind }[] = [];
  /** Processes that report their end by their health instead of dying. */
  const watchHealth = (life: Life, healthy: () => boolean, patienceMs = 0): void => {
    let goodMs = clock.elapsedMs();
    life.clock.every(50, () => {
      if (healthy()) goodMs = clock.elapsedMs();
      else if (clock.elapsedMs() - goodMs >= patienceMs) {
        world.trace(`${life.name} is not ready and is started again`);
        life.end();
      }
    });
  };
  relayNames.forEach((name) => {
    keep(name, async (life) => {
      const eventLog = link(life);
      const common = {
        store: createStoreLink({ chance, faults, life }, store),
        clock: life.clock,
        log: world.log,
        metrics: world.metrics,
      };
      // One for each gateway, as in production; one alone has always its turn.
      if (relayNames.length === 1)
        createOutboxRelay({ ...common, writer: await eventLog.writer('outbox') }).start();
      else createSharedOutboxRelay({ ...common, eventLog, random: world.random() }, { name }).start();
    });
  });
  keep('detectors', async (life) => {
    const eventLog = parts.detectorsLog(link(life));
    const writer = await eventLog.writer('detectors');
    const common = { clock: life.clock, log: world.log, metrics: world.metrics };
    const role = createDetectorsRole(
      {
        ...common,
        eventLog,
        writer,
        deadLetters: createDeadLetters({ ...common, writer }),
        detectors: simulatedDetectors,
        directory: EMPTY_DIRECTORY,
      },
      detectorsConfig,
    );
    await role.start();
    watchHealth(life, () => role.health().ready);
  });
  keep('responders', async (life) => {
    const eventLog = link(life);
    const common = { clock: life.clock, log: world.log, metrics: world.metrics };
    const role = createRespondersRole(
      {
        ...common,
        eventLog,
        controlApi: createControlCalls({
          world,
          life,
          leader: () => gateways[0],
          onInForce: (known) => void target.inForce.push(known),
        }),
        codecs,
        deadLetters: createDeadLetters({ ...common, writer: await eventLog.writer('responders/dead') }),
        readSecret: () => Promise.resolve(''),
        random: world.random(),
      },
      responderDefaults,
    );
    await role.start();
    watchHealth(life, () => role.health().ready);
  });
  const startLog = async (): Promise<void> => {
    logLife = createLife(clock, 'log');
    const life = logLife;
    const opened = createEmbeddedEventLog(
      {
        disk: logDisk.boot(),
        clock: life.clock,
        random: world.random(),
        log: world.log,
        metrics: world.metrics,
      },
      simulatedLogConfig(plan.durability === 'power' ? 'power' : 'process'),
    );
    await life.guard(opened.ensureTopics(topicOptions(PARTITIONS)));
    log = opened;
    world.trace('the log is up');
    for (const begin of restart.values()) begin();
  };
  const begin = (): void => {
    startLog().catch((error: unknown) => {
      world.trace(`the log cannot start: ${(error as Error).message}`);
      clock.after(100, begin);
    });
  };

  const kill = (name: string): void => services.get(name)?.life.end();
  const crashGateway = (index: number, kind: CrashKind): void => {
    world.trace(`${kind} of ${gatewayName(index)}`);
    disks[index]!.crash(kind);
    kill(gatewayName(index));
  };
  return {
    store,
    publicKeys,
    disks,
    logDisk,
    log: () => log!,
    gateways: () => gateways.filter((gateway) => gateway !== undefined),
    ready: () =>
      log !== undefined &&
      [...restart.keys()].every((name) => services.get(name)?.ready === true) &&
      gateways.every((gateway) => gateway?.lease.held() === true),
    start: begin,
    crashGateway,
    crashGatewayAt(index, changes, kind) {
      if (crashKinds[index] !== undefined) crashKinds[index].next = kind;
      failingDisks[index]?.dieAfter(changes);
    },
    crashDetectors: () => kill('detectors'),
    crashOutbox: () => kill(relayNames[0]!),
    crashResponders: () => kill('responders'),
    crashMachine(kind) {
      world.trace(`${kind} of the machine`);
      log = undefined;
      logLife.end();
      logDisk.crash(kind);
      disks.forEach((_, index) => crashGateway(index, kind));
      for (const name of [...relayNames, 'detectors', 'responders']) kill(name);
      services.clear();
      clock.after(chance.between(1, RESTART_MS_MAX), begin);
    },
  };
}
