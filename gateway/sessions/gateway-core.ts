/** Everything behind a gateway's protocols, put together: control state, lease, access, spool, sessions, recordings. */
import type { Clock, Random, Timer } from '../../platform/clock/clock.ts';
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import { createDeadLetters } from '../../platform/dead-letters/dead-letters.ts';
import type { Disk } from '../../platform/disk/disk.ts';
import type { EventLog, LogRecord, Reader } from '../../platform/event-log/event-log.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Metrics } from '../../platform/metrics/metrics.ts';
import type { RecordingStore } from '../../platform/recording-store/recording-store.ts';
import Value from 'typebox/value';
import { ApprovalsConfig } from '../../schemas/config/approvals.ts';
import type { GatewayConfig } from '../../schemas/config/gateway.ts';
import { createCodec } from '../../schemas/codec.ts';
import { createAccess, type OwnAccess } from '../access/create-access.ts';
import { createExchanger, type Exchanger } from '../access/exchange/exchanger.ts';
import type { Issuers } from '../access/issuers/issuers.ts';
import { forgettingOfApprovals } from '../approvals/forgetting.ts';
import { createApprovals, type Approvals } from '../approvals/create-approvals.ts';
import { forgettingOfProofs } from '../access/proof/spent-proofs.ts';
import { createTokenStore, type TokenStore } from '../access/token-store.ts';
import { keepAuditKey } from '../control/audit-keys.ts';
import { createControlView, followControl, type ControlView } from '../control/control-view.ts';
import { createControlWriter, type ControlWriter } from '../control/control-writer.ts';
import { createHousekeeping } from '../control/housekeeping.ts';
import { createLease, type Lease } from '../control/lease.ts';
import { republishIfBehind } from '../control/republish.ts';
import type { EmbeddedVault } from '../credentials/embedded-vault.ts';
import type { Policy } from '../policy/decision.ts';
import { createSharedRates, forgettingOfRates, type SharedRates } from '../policy/shared-rates.ts';
import { createDrain } from '../recording/drain.ts';
import { createChunkWriter, type ChunkWriter } from '../recording/chunk-writer.ts';
import { createRecordings } from '../recording/recordings.ts';
import { createSpool } from '../recording/spool.ts';
import { createSessions, type GatewaySessions, type LeftoverInTarget } from './create-sessions.ts';
import { createElsewhere, type Elsewhere } from './elsewhere.ts';
import { createHolds, followVerdicts, type Holds } from './holds.ts';
import { createOpenJournal } from './open-journal.ts';
import { loadHome } from './home.ts';
import { loadSigner, type Signer } from './signing-key.ts';
import { keepFollowing } from './keep-following.ts';
import { createRequestRates } from './request-rates.ts';
import { watchDetectionLag } from './lag-watch.ts';

export interface GatewayCoreDeps {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly store: ControlStore;
  readonly eventLog: EventLog;
  readonly recordingStore: RecordingStore;
  /** Writes recordings elsewhere; undefined: here. */
  readonly recordingWriter?: ChunkWriter | undefined;
  readonly vault: EmbeddedVault;
  readonly policy: Policy;
  /** Outside issuers whose tokens are taken; absent: only the gateway's own count. */
  readonly issuers?: Issuers;
  /** Hands what a crash left to the protocol of its connection (Protocol.endLeftover). */
  readonly endLeftover: (leftover: LeftoverInTarget) => Promise<void>;
}

/** Sections of the configuration beside the gateway's own; absent ones have their defaults. */
export interface GatewaySections {
  readonly approvals?: ApprovalsConfig;
}

export interface GatewayCore {
  /** `elsewhere`: those of other gateways on the same control store. */
  readonly sessions: GatewaySessions & { readonly elsewhere: Elsewhere };
  readonly access: OwnAccess;
  readonly exchanger: Exchanger;
  readonly tokens: TokenStore;
  readonly approvals: Approvals;
  readonly view: ControlView;
  readonly control: ControlWriter;
  readonly lease: Lease;
  readonly holds: Holds;
  readonly signer: Signer;
  /** Closes what a crash left and serves; the topics must exist. */
  start(): Promise<void>;
  /** Ends sessions, waits up to `graceMs` for the log to have all events. What it then lacks stays in the spool. */
  stop(graceMs: number): Promise<void>;
  health(): { readonly ready: boolean; readonly reason?: string };
}

/** 32 bytes that all gateways share, made at the first start and kept in the vault. */
export async function loadSharedKey(vault: EmbeddedVault, random: Random, name: string): Promise<Buffer> {
  const fresh = Buffer.from(random.bytes(32)).toString('base64');
  const { value } = await vault.getOrPut(`gateway/${name}`, fresh);
  return Buffer.from(value, 'base64');
}

/** Knows the control state and holds the lease when it resolves. */
export async function createGatewayCore(
  deps: GatewayCoreDeps,
  config: GatewayConfig,
  sections: GatewaySections = {},
): Promise<GatewayCore> {
  const { disk, clock, random, log, metrics, store, eventLog, vault } = deps;
  const signer = await loadSigner(vault, random, config.id);
  const decoySecret = await loadSharedKey(vault, random, 'decoy-key');
  const journal = createOpenJournal(disk, config.spoolFolder);
  const spool = createSpool({ disk, clock, log, metrics }, config);
  const view = createControlView({ clock });
  const controlCodec = createCodec('control-record');
  const verdictCodec = createCodec('verdict');
  const lostWriter = await eventLog.writer(`dead-letters/gateway/${config.id}`);
  const deadLetters = createDeadLetters({ writer: lostWriter, clock, log, metrics });
  const giveUp = (record: LogRecord, reason: string): Promise<void> =>
    deadLetters
      .give(record, 'gateway', 'GATEWAY_RECORD_UNREADABLE', reason)
      .catch((error: unknown) => log.error({ error }, 'a dead letter could not be written'));
  let controlReader: Reader | undefined;
  const controlFeed = await keepFollowing({ clock, log }, async (onFailure): Promise<Reader[]> => {
    controlReader = await followControl(view, { eventLog, codec: controlCodec, log, giveUp }, onFailure);
    return [controlReader];
  });
  const republished = await republishIfBehind({ store, codec: controlCodec, clock }, view, async () =>
    controlReader?.caughtUp(),
  );
  if (republished > 0)
    log.warn({ republished }, 'the log had lost control records; they were published anew');
  const home = loadHome(disk, random, config.spoolFolder);
  const lease = createLease(
    { store, view, clock, log },
    { ...config, epoch: journal.before.epoch + 1, home },
  );
  await lease.start();
  const tokens = createTokenStore({ store, clock, random }, config);
  const exchanger = createExchanger(
    { store, clock, random, onAccount: (identityId) => access.forget(identityId) },
    config,
  );
  const { issuers } = deps;
  const access: OwnAccess = createAccess(
    {
      tokens,
      view,
      lease,
      clock,
      decoySecret,
      ...(issuers === undefined ? {} : { outside: { issuers, exchanger } }),
    },
    config,
  );
  const holds = createHolds({ clock }, config);
  const chunks =
    deps.recordingWriter ??
    createChunkWriter({ store: deps.recordingStore, disk, clock, log, random }, config);
  const recordings = createRecordings({ clock, random, wrapper: vault, writer: chunks }, config);
  const approvals = createApprovals(
    { store, view, codec: controlCodec, clock, random, log, gateway: config.id },
    sections.approvals ?? (Value.Default(ApprovalsConfig, {}) as ApprovalsConfig),
  );
  const rates = createRequestRates({ clock, elsewhere: (identityId) => sharedRates.ofOthers(identityId) });
  const sharedRates: SharedRates = createSharedRates(
    { store, clock, log, own: () => rates.own(), wanted: () => deps.policy.countsIdentities === true },
    { gateway: config.id },
  );
  const sessions = createSessions(
    {
      ...deps,
      approvals: approvals.forSessions,
      spool,
      journal,
      codec: createCodec('session-event'),
      view,
      lease,
      holds,
      recorder: recordings,
      rates,
      signer,
    },
    config,
  );
  const control = createControlWriter(
    { store, clock, random, codec: controlCodec, onDecided: (lockout) => sessions.endBy(lockout) },
    config,
  );
  const elsewhere = createElsewhere(
    { store, clock, log, leases: lease.watch, sessions: () => sessions.list() },
    { gateway: config.id, home },
  );
  const housekeeping = createHousekeeping(
    { store, clock, log, leases: lease.watch },
    { ...config, holder: `${config.id}/${random.bytes(8).toString('hex')}` },
    [...forgettingOfApprovals(config.controlRetentionMs), forgettingOfRates, forgettingOfProofs],
  );
  await keepAuditKey(store, {
    gateway: config.id,
    keyId: signer.keyId,
    publicKey: signer.publicKeyPem,
    checkpointMs: config.checkpointMs,
  });
  const writer = await eventLog.writer(`gateway/${config.id}`);
  const drain = createDrain({ spool, writer, clock, log, onRoundTrip: (us) => holds.observeRoundTrip(us) });
  let verdictFeed: { close(): Promise<void> } | undefined;
  let lagWatch: Timer | undefined;

  return {
    sessions: { ...sessions, elsewhere },
    access,
    exchanger,
    tokens,
    approvals,
    view,
    control,
    lease,
    holds,
    signer,
    async start() {
      verdictFeed = await keepFollowing({ clock, log }, (onFailure) =>
        followVerdicts(holds, { eventLog, codec: verdictCodec, log, giveUp }, onFailure),
      );
      lagWatch = watchDetectionLag(holds, deps);
      recordings.start();
      drain.start();
      await elsewhere.start();
      sharedRates.start();
      housekeeping.start();
      await sessions.start();
    },
    async stop(graceMs) {
      sessions.stop();
      lagWatch?.cancel();
      const grace = new AbortController();
      const timer = clock.after(graceMs, () => grace.abort());
      await drain.idle(grace.signal);
      timer.cancel();
      await drain.stop();
      deadLetters.close();
      await recordings.stop();
      await verdictFeed?.close();
      await controlFeed.close();
      // Together: each of them waits where the store is away.
      await Promise.all([elsewhere.stop(), sharedRates.stop(), housekeeping.stop(), lease.stop()]);
      await Promise.all([writer.close(), lostWriter.close()]);
      spool.close();
    },
    health() {
      if (lease.taken())
        return { ready: false, reason: `lease: another gateway has the id ${config.id}; this one must end` };
      if (!lease.held())
        return { ready: false, reason: 'lease: it is not held, the control state may be stale' };
      return drain.health();
    },
  };
}
