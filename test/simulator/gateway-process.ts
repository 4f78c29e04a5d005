/** One gateway as a process: spool, sessions, holds, view, lease, drain; the first one also relays the outbox and serves control calls. */
import Value from 'typebox/value';
import { createAccess } from '../../gateway/access/create-access.ts';
import type { Access } from '../../gateway/access/access.ts';
import { createTokenStore } from '../../gateway/access/token-store.ts';
import { createControlView, followControl, type ControlView } from '../../gateway/control/control-view.ts';
import { createControlWriter, type ControlWriter } from '../../gateway/control/control-writer.ts';
import { createLease, waitInForce, type Lease } from '../../gateway/control/lease.ts';
import { createBuiltInPolicy } from '../../gateway/policy/built-in-policy.ts';
import { readDefaultPolicy } from '../../gateway/policy/default-policy.ts';
import { createDrain } from '../../gateway/recording/drain.ts';
import { createSpool } from '../../gateway/recording/spool.ts';
import {
  createSessions,
  type GatewaySessions,
  type LeftoverInTarget,
} from '../../gateway/sessions/create-sessions.ts';
import { createHolds, followVerdicts, type Holds } from '../../gateway/sessions/holds.ts';
import { createOpenJournal } from '../../gateway/sessions/open-journal.ts';
import type { Signer } from '../../gateway/sessions/signing-key.ts';
import type { Random } from '../../platform/clock/clock.ts';
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import { createOutboxRelay } from '../../platform/control-store/outbox-relay.ts';
import type { EventLog } from '../../platform/event-log/event-log.ts';
import { createCodec } from '../../schemas/codec.ts';
import { GatewayConfig } from '../../schemas/config/gateway.ts';
import type { FailingDisk } from './failing-disk.ts';
import type { Life } from './life.ts';
import type { Parts } from './parts.ts';
import type { Durability } from './plan.ts';
import type { World } from './world.ts';

export interface GatewayProcess {
  readonly id: string;
  readonly life: Life;
  readonly disk: FailingDisk;
  readonly sessions: GatewaySessions;
  readonly view: ControlView;
  readonly lease: Lease;
  readonly holds: Holds;
  readonly access: Access;
  readonly control: ControlWriter;
  inForce(revision: number): Promise<boolean>;
  pendingBytes(): number;
  /** Ends all sessions and hands everything to the log. */
  stop(): Promise<void>;
}

export interface GatewayDeps {
  readonly world: World;
  readonly life: Life;
  readonly disk: FailingDisk;
  readonly log: EventLog;
  readonly store: ControlStore;
  readonly random: Random;
  readonly signer: Signer;
  readonly parts: Parts;
  readonly endLeftover: (leftover: LeftoverInTarget) => Promise<void>;
}

export const CHECKPOINT_MS = 1500;
const IN_FORCE_MS = 1000;
const policy = createBuiltInPolicy(readDefaultPolicy());
const defaults = Value.Default(GatewayConfig, {}) as GatewayConfig;

export const gatewayConfig = (id: string, durability: Durability): GatewayConfig => ({
  ...defaults,
  id,
  durability,
  spoolFolder: '/spool',
  spoolSegmentBytes: 24 * 1024,
  spoolBytesMax: 512 * 1024,
  checkpointMs: CHECKPOINT_MS,
  heartbeatMs: 2000,
  holdMs: 800,
  detectionLagMs: 1500,
});

/** Starts a gateway over whatever earlier ones left; rejects where it cannot start now. */
export async function startGateway(
  deps: GatewayDeps,
  options: { readonly id: string; readonly durability: Durability; readonly leads: boolean },
): Promise<GatewayProcess> {
  const { world, life, disk, log, store, random, parts } = deps;
  const { clock } = life;
  const config = gatewayConfig(options.id, options.durability);
  const common = { clock, log: world.log, metrics: world.metrics };
  const view = createControlView({ clock });
  const holds = createHolds({ clock }, config);
  const spool = parts.spool(createSpool({ ...common, disk }, config));
  const leaseOf = (epoch: number): Lease =>
    createLease({ store, view, clock, log: world.log }, { ...config, epoch });
  const journal = createOpenJournal(disk, config.spoolFolder);
  // The epoch is the journal's next one: the same that the sessions take.
  const lease = leaseOf(journal.before.epoch + 1);
  const sessions = createSessions(
    {
      ...common,
      spool,
      journal,
      codec: createCodec('session-event'),
      random,
      policy,
      view: parts.view(view),
      lease,
      holds,
      signer: deps.signer,
      recorder: {
        begin: () => ({
          sink: { write: () => true, drained: () => Promise.resolve() },
          close: () => undefined,
        }),
      },
      endLeftover: deps.endLeftover,
    },
    config,
  );
  const tokens = createTokenStore({ store, clock, random }, config);
  const access = createAccess(
    { tokens, view, lease, clock, decoySecret: Buffer.alloc(32, 7) },
    config,
  );
  const control = createControlWriter({ store, clock, random, codec: createCodec('control-record') }, config);
  const failed = (error: unknown): void => {
    world.trace(`${config.id} stops on an error: ${(error as Error).message}`);
    life.end();
  };
  await followControl(view, { eventLog: log, codec: createCodec('control-record'), log: world.log }, failed);
  await followVerdicts(holds, { eventLog: log, codec: createCodec('verdict'), log: world.log }, failed);
  const drain = createDrain({
    ...common,
    spool,
    writer: await log.writer(`gateway/${config.id}`),
    onRoundTrip: (us) => holds.observeRoundTrip(us),
  });
  if (options.leads)
    createOutboxRelay({ ...common, store, writer: await log.writer('outbox') }).start();
  drain.start();
  await sessions.start();
  await lease.start();
  return {
    id: config.id,
    life,
    disk,
    sessions,
    view,
    lease,
    holds,
    access,
    control: parts.control(control),
    inForce: (revision) => waitInForce({ store, clock }, revision, IN_FORCE_MS),
    pendingBytes: () => spool.pendingBytes(),
    async stop() {
      sessions.stop();
      await drain.idle();
      await lease.stop();
    },
  };
}
