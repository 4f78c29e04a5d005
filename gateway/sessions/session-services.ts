/** What every live session shares. */
import type { Clock } from '../../platform/clock/clock.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { GatewayConfig } from '../../schemas/config/gateway.ts';
import type { SessionApprovals } from '../approvals/session-approvals.ts';
import type { ControlView } from '../control/control-view.ts';
import type { Lease } from '../control/lease.ts';
import type { Policy } from '../policy/decision.ts';
import type { AppendOptions } from '../recording/spool.ts';
import type { DeferredWrites } from './deferred-writes.ts';
import type { EventDraft, EventWriter, Written } from './event-writer.ts';
import type { Holds } from './holds.ts';
import type { RequestRates } from './request-rates.ts';

export interface SessionServices {
  readonly writer: EventWriter;
  readonly deferred: DeferredWrites;
  readonly policy: Policy;
  readonly view: ControlView;
  readonly lease: Pick<Lease, 'held'>;
  readonly holds: Holds;
  readonly rates: RequestRates;
  readonly approvals: SessionApprovals;
  readonly clock: Clock;
  readonly config: Pick<GatewayConfig, 'onSpoolFull' | 'onDetectionLag'>;
  /** Writes now, after everything that had to wait; and marks the session's chain as advanced. */
  write(draft: EventDraft, options?: AppendOptions & { readonly eventId?: string }): Written;
  /** A request went on without its event. */
  countUnaudited(error: CountersignError): void;
}
