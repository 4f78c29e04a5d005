/** One gateway as a process: everything behind its protocols, as it is put together in production. */
import Value from 'typebox/value';
import { createEmbeddedVault } from '../../gateway/credentials/embedded-vault.ts';
import { waitInForce } from '../../gateway/control/lease.ts';
import { createBuiltInPolicy } from '../../gateway/policy/built-in-policy.ts';
import { readDefaultPolicy } from '../../gateway/policy/default-policy.ts';
import type { LeftoverInTarget } from '../../gateway/sessions/create-sessions.ts';
import { createGatewayCore, type GatewayCore } from '../../gateway/sessions/gateway-core.ts';
import type { Random } from '../../platform/clock/clock.ts';
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import type { Disk } from '../../platform/disk/disk.ts';
import type { EventLog } from '../../platform/event-log/event-log.ts';
import type { RecordingStore } from '../../platform/recording-store/recording-store.ts';
import { GatewayConfig } from '../../schemas/config/gateway.ts';
import type { Life } from './life.ts';
import type { Durability } from './plan.ts';
import type { World } from './world.ts';

export interface GatewayProcess extends GatewayCore {
  readonly id: string;
  readonly life: Life;
  inForce(revision: number): Promise<boolean>;
}

export interface GatewayDeps {
  readonly world: World;
  readonly life: Life;
  readonly disk: Disk;
  readonly log: EventLog;
  readonly store: ControlStore;
  readonly random: Random;
  readonly recordingStore: RecordingStore;
  readonly endLeftover: (leftover: LeftoverInTarget) => Promise<void>;
}

export const CHECKPOINT_MS = 1500;
const IN_FORCE_MS = 1000;
/** The shipped one without approvals: nobody is there to answer, and their waits of hours are not what holds are measured by. */
const policy = createBuiltInPolicy({
  ...readDefaultPolicy(),
  rules: readDefaultPolicy().rules.filter(({ outcome }) => outcome !== 'hold_approval'),
});
const defaults = Value.Default(GatewayConfig, {}) as GatewayConfig;

export const gatewayConfig = (id: string, durability: Durability): GatewayConfig => ({
  ...defaults,
  id,
  durability,
  spoolFolder: '/spool',
  recordingFolder: '/recordings',
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
  options: { readonly id: string; readonly durability: Durability },
): Promise<GatewayProcess> {
  const { world, life, store, random } = deps;
  const { clock } = life;
  const vault = await createEmbeddedVault({ store, random }, { key: Buffer.alloc(32, 5) });
  const core = await createGatewayCore(
    { ...deps, clock, log: world.log, metrics: world.metrics, eventLog: deps.log, vault, policy },
    gatewayConfig(options.id, options.durability),
  );
  await core.start();
  return {
    ...core,
    id: options.id,
    life,
    inForce: (revision) => waitInForce({ store, clock, lease: core.lease }, revision, IN_FORCE_MS),
  };
}
