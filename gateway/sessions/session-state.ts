import type { ControlSubject } from '../control/control-view.ts';
import type { Chain, EventDraft } from './event-writer.ts';
import type { SessionTotals } from './open-journal.ts';
import type { MinuteCounter } from './request-rates.ts';
import type { EndOrder, SessionOpening } from './session.ts';

/** State that the gates of a session share with it. */
export interface SessionState {
  readonly id: string;
  readonly opening: SessionOpening;
  readonly subject: ControlSubject;
  readonly chain: Chain;
  readonly totals: SessionTotals;
  readonly rate: MinuteCounter;
  /** What it waits for now. */
  readonly holds: Set<{ end(): void }>;
  /** Ids of approvals and grants that something in this session went through under. */
  readonly relies: Set<string>;
  /** Requests that may still get their response; false: let through without event. */
  readonly open: Map<string, boolean>;
  order: EndOrder | undefined;
  closed: boolean;
  draft(body: EventDraft['body'], requestId?: string | null, channel?: string | null): EventDraft;
}
