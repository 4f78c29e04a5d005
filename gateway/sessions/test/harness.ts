/** A gateway's sessions on a simulated disk, with the event log played by the test. */
import {
  createManualClock,
  createSeededRandom,
  type ManualClock,
} from '../../../platform/clock/manual-clock.ts';
import { createSimulatedDisk, type SimulatedDisk } from '../../../platform/disk/simulated-disk.ts';
import Value from 'typebox/value';
import { GatewayConfig } from '../../../schemas/config/gateway.ts';
import { createCodec } from '../../../schemas/codec.ts';
import type { Identity, Lockout, SessionEvent } from '../../../schemas/types.ts';
import type { SessionApprovals } from '../../approvals/session-approvals.ts';
import { createControlView, type ControlView } from '../../control/control-view.ts';
import type { PolicyDecision } from '../../policy/decision.ts';
import { createSpool, type EventPosition, type Spool } from '../../recording/spool.ts';
import { createSessions, type GatewaySessions, type LeftoverInTarget } from '../create-sessions.ts';
import { createHolds, type Holds } from '../holds.ts';
import { createOpenJournal } from '../open-journal.ts';
import type { EndOrder, RequestInput, SessionOpening } from '../session.ts';
import { createSigner, type Signer } from '../signing-key.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { quietMetrics } from '../../../test/support/quiet-metrics.ts';

export const codec = createCodec('session-event');
const random = createSeededRandom(11);

export interface Harness {
  readonly disk: SimulatedDisk;
  readonly clock: ManualClock;
  readonly spool: Spool;
  readonly sessions: GatewaySessions;
  readonly view: ControlView;
  readonly holds: Holds;
  readonly signer: Signer;
  readonly leftovers: LeftoverInTarget[];
  readonly framed: Buffer[];
  policy: PolicyDecision;
  setLease(held: boolean): void;
  /** Takes everything out of the spool, as the log would. */
  drain(): SessionEvent[];
}

export const gatewayConfig = (extra: Partial<GatewayConfig> = {}): GatewayConfig => ({
  ...(Value.Default(GatewayConfig, {}) as GatewayConfig),
  spoolFolder: '/spool',
  ...extra,
});

export function createHarness(
  extra: Partial<GatewayConfig> = {},
  from?: { disk: SimulatedDisk; clock: ManualClock; signer: Signer },
): Harness {
  const config = gatewayConfig(extra);
  const clock = from?.clock ?? createManualClock();
  const disk = from?.disk ?? createSimulatedDisk({ clock, random });
  const signer = from?.signer ?? createSigner(random.bytes(32));
  const spool = createSpool({ disk, clock, log: silentLogger, metrics: quietMetrics }, config);
  const view = createControlView({ clock });
  const holds = createHolds({ clock }, config);
  const approvals: SessionApprovals = {
    grantsOf: () => [],
    forSession: () => undefined,
    ask: () => {
      throw new Error('no approval is asked for here');
    },
    ended: () => undefined,
    onEnded: () => undefined,
  };
  const leftovers: LeftoverInTarget[] = [];
  const framed: Buffer[] = [];
  let held = true;
  const onLease: ((held: boolean) => void)[] = [];
  let offset = 0;
  const harness = { policy: { outcome: 'allow', rule: 'test', reason: 'because' } as PolicyDecision };
  const sessions = createSessions(
    {
      spool,
      codec,
      clock,
      random,
      view,
      holds,
      approvals,
      signer,
      journal: createOpenJournal(disk, config.spoolFolder),
      log: silentLogger,
      metrics: quietMetrics,
      policy: { decide: () => harness.policy, version: 1 },
      lease: { held: () => held, onChange: (callback) => void onLease.push(callback) },
      recorder: {
        begin: () => ({
          sink: { write: () => true, drained: () => Promise.resolve() },
          close: () => undefined,
        }),
      },
      endLeftover: (leftover) => Promise.resolve(void leftovers.push(leftover)),
    },
    config,
  );
  return Object.assign(harness, {
    disk,
    clock,
    spool,
    sessions,
    view,
    holds,
    signer,
    leftovers,
    framed,
    setLease(now: boolean) {
      held = now;
      for (const callback of onLease) callback(now);
    },
    drain() {
      const events: SessionEvent[] = [];
      for (let batch = spool.take(1000, 1e9); batch.length > 0; batch = spool.take(1000, 1e9)) {
        const positions: EventPosition[] = batch.map(() => ({ partition: 0, offset: offset++ }));
        for (const { entry } of batch) {
          framed.push(entry.value);
          const read = codec.decode(entry.value);
          if (!read.ok) throw new Error(read.reason);
          events.push(read.value);
        }
        spool.drained(batch, positions);
      }
      return events;
    },
  });
}

export const identity = (extra: Partial<Identity> = {}): Identity => ({
  id: 'countersign/ci',
  issuer: 'countersign',
  subject: 'ci',
  kind: 'service_account',
  displayName: 'CI',
  groups: [],
  credentialSource: 'ci/main',
  tokenId: 'token1',
  issuedAt: 0,
  expiresAt: null,
  onBehalfOf: [],
  attributes: {},
  ...extra,
});

export function opening(extra: Partial<SessionOpening> = {}): SessionOpening & { orders: EndOrder[] } {
  const orders: EndOrder[] = [];
  return {
    identity: identity(),
    client: { ip: '192.0.2.7', port: 40000, tool: 'psql', version: null },
    target: {
      connection: 'main',
      protocol: 'postgres',
      host: 'db',
      port: 5432,
      database: 'app',
      role: 'app',
    },
    authentication: 'scram',
    tls: true,
    targetSession: '4711@123',
    end: (order) => void orders.push(order),
    ...extra,
    orders,
  };
}

export const command = (extra: Partial<RequestInput> = {}): RequestInput => ({
  verb: 'query',
  text: 'select 1',
  fingerprint: 'f',
  actions: [],
  risk: 'low',
  ...extra,
});

export const lockout = (extra: Partial<Lockout> = {}): Lockout => ({
  kind: 'lockout',
  lockoutId: 'l1',
  subjectKind: 'identity',
  subject: 'countersign/ci',
  reason: 'stolen',
  incidentId: 'i1',
  exerciseId: null,
  createdBy: 'x',
  createdAt: 0,
  expiresAt: null,
  releasedAt: null,
  releasedBy: null,
  ...extra,
});
