/** Live sessions as gateways tell each other of them, in the control store. */
import type { SessionSummary } from '../../schemas/api/sessions.ts';

export const LIVE_SESSIONS = 'live-sessions';

/** By session id; totals are those of when it was told. */
export type LiveEntry = Omit<SessionSummary, 'state' | 'closedAt' | 'closeReason'> & {
  /** Of its gateway (lease-watch.ts): a successor of that name knows what it has left. */
  readonly home: string;
};
