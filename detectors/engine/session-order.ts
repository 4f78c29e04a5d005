/**
 * At-least-once delivery made once and in order by (session, sequence). A gap holds what follows back for a bounded time.
 * Only the gateway numbers its sessions without gaps; events of other origins are told apart by their ids alone.
 */
import type { SessionEvent } from '../../schemas/types.ts';

const SESSIONS_MAX = 2048;
const CLOSED_MAX = 128;
const RECENT_MAX = 128;
export const WAITING_MAX = 64;

export interface WaitingEvent {
  readonly sequence: number;
  readonly offset: number;
  /** Framed event, base64. */
  readonly framed: string;
}

export interface OrderState {
  /** Session to the sequence that comes next. */
  sessions: Map<string, number>;
  closed: string[];
  /** Session to the events behind a gap, in order, and when the wait began (processing time). */
  waiting: Map<string, { since: number; events: WaitingEvent[] }>;
  /** Ids of the last events of other origins, in their order; the values say nothing. */
  recent: Map<string, 1>;
  /** Last source offset by source partition, for re-keyed events. */
  sources: Map<number, number>;
  /** Newest event time. */
  newest: number;
}

export const createOrderState = (): OrderState => ({
  sessions: new Map(),
  closed: [],
  waiting: new Map(),
  recent: new Map(),
  sources: new Map(),
  newest: 0,
});

export type Arrival = 'next' | 'duplicate' | 'early';

function push(list: string[], item: string, max: number): void {
  list.push(item);
  if (list.length > max) list.shift();
}

/** Says whether an event is the next of its session, and takes note of it where it is. */
export function arrive(order: OrderState, event: SessionEvent): Arrival {
  const { session } = event;
  if (event.origin !== 'gateway' || session === null) {
    if (order.recent.has(event.eventId)) return 'duplicate';
    if (order.recent.size >= RECENT_MAX) order.recent.delete(order.recent.keys().next().value!);
    order.recent.set(event.eventId, 1);
    return 'next';
  }
  const next = order.sessions.get(session.id) ?? 1;
  if (session.sequence < next || order.closed.includes(session.id)) return 'duplicate';
  if (session.sequence > next) return 'early';
  passSequence(order, event);
  return 'next';
}

/** The event is taken now; what its session brings next follows it. */
export function passSequence(order: OrderState, event: SessionEvent): void {
  const { id, sequence } = event.session!;
  order.sessions.delete(id);
  if (event.body.kind === 'session_closed') push(order.closed, id, CLOSED_MAX);
  else {
    if (order.sessions.size >= SESSIONS_MAX) order.sessions.delete(order.sessions.keys().next().value!);
    order.sessions.set(id, sequence + 1);
  }
}

/** Puts an early event aside; false where the bound is reached and the gap must be given up. */
export function putAside(order: OrderState, sessionId: string, event: WaitingEvent, now: number): boolean {
  const waiting = order.waiting.get(sessionId) ?? { since: now, events: [] };
  order.waiting.set(sessionId, waiting);
  if (!waiting.events.some(({ sequence }) => sequence === event.sequence)) {
    waiting.events.push(event);
    waiting.events.sort((a, b) => a.sequence - b.sequence);
  }
  return waiting.events.length < WAITING_MAX;
}

/** The waiting event that comes next in its session, taken out; with `force` also across a gap. */
export function takeWaiting(order: OrderState, sessionId: string, force: boolean): WaitingEvent | undefined {
  const waiting = order.waiting.get(sessionId);
  const first = waiting?.events[0];
  if (waiting === undefined || first === undefined) return undefined;
  if (!force && first.sequence > (order.sessions.get(sessionId) ?? 1)) return undefined;
  waiting.events.shift();
  if (waiting.events.length === 0) order.waiting.delete(sessionId);
  return first;
}
