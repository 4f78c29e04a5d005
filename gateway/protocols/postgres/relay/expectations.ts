/**
 * What the target still owes, in order: one entry for each message that it answers. The target answers strictly in order and,
 * after an error in the extended protocol, skips to the next Sync (PostgreSQL: 54.2.3); so does this queue.
 */
import type { RunningRequest } from './requests.ts';

export type ExpectedKind =
  | 'query'
  | 'call'
  | 'parse'
  | 'bind'
  | 'describe'
  | 'execute'
  | 'close'
  | 'sync'
  /** Owed nothing; its `done` tells that all before it is answered. */
  | 'marker'
  /** The gateway's own questions about settings; the client never sees the answers. */
  | 'refresh';

export interface Denial {
  readonly decisionId: string;
  /** The text sent to the target; its error names it. */
  readonly marker: string;
  readonly rule: string;
  readonly reason: string;
  /** The client gave it up while it was held. */
  readonly cancelled?: true;
}

export interface Expected {
  readonly kind: ExpectedKind;
  readonly request: RunningRequest | null;
  readonly denial: Denial | null;
  /** Takes back what the gateway assumed when it sent the message; called where it failed or was skipped. */
  undo: (() => void) | null;
  /** Called when the target has done it. */
  confirm: (() => void) | null;
  /** Called when it is answered, failed or was skipped; after undo or confirm. */
  done: (() => void) | null;
  /** sync, query, call: requests with a lower order were sent before it. */
  boundary: number;
  /** refresh: ends with ReadyForQuery. */
  synced: boolean;
}

const NOTHING: Partial<Expected> = {};

/** Field by field: one is made for each message, and a spread costs several times as much. */
export const expected = (kind: ExpectedKind, fields: Partial<Expected> = NOTHING): Expected => ({
  kind,
  request: fields.request ?? null,
  denial: fields.denial ?? null,
  undo: fields.undo ?? null,
  confirm: fields.confirm ?? null,
  done: fields.done ?? null,
  boundary: fields.boundary ?? 0,
  synced: fields.synced ?? false,
});

export class Expectations {
  #items: Expected[] = [];
  /** Index of the first item; the array is cut now and then, not at each shift. */
  #at = 0;
  /** The target skips what comes until a Sync. */
  #skipping = false;
  /** The target reads COPY data: it takes no notice of Sync. */
  #copyIn = false;
  readonly #skipped: (item: Expected) => void;

  /** `skipped` is told of each request that the target never looked at. */
  constructor(skipped: (item: Expected) => void) {
    this.#skipped = skipped;
  }

  get size(): number {
    return this.#items.length - this.#at;
  }

  get head(): Expected | undefined {
    return this.#items[this.#at];
  }

  /** Whatever comes of what was sent, the target will look at what is sent now: nothing can make it skip to a Sync. */
  get unskipped(): boolean {
    for (let at = this.#items.length - 1; at >= this.#at; at -= 1) {
      const { kind } = this.#items[at]!;
      if (kind === 'sync') break;
      if (kind !== 'query' && kind !== 'call') return false;
    }
    return !this.#skipping && !this.#copyIn;
  }

  get copyIn(): boolean {
    return this.#copyIn;
  }

  push(item: Expected): void {
    if (this.#copyIn && item.kind === 'sync') return;
    if (this.#skipping) {
      if (item.kind !== 'sync') {
        this.#skip([item]);
        return;
      }
      this.#skipping = false;
    }
    if (this.size === 0 && isOwedNothing(item)) {
      item.done?.();
      return;
    }
    this.#items.push(item);
  }

  /** Takes the head off: the target has done it. */
  shift(): void {
    const item = this.#items[this.#at];
    if (item === undefined) return;
    this.#advance();
    item.confirm?.();
    item.done?.();
    // What `done` has sent stands behind these.
    while (this.head !== undefined && isOwedNothing(this.head)) {
      const marker = this.head;
      this.#advance();
      marker.done?.();
    }
  }

  /** First request that the answer that comes now can belong to. */
  current(): RunningRequest | null {
    for (let at = this.#at; at < this.#items.length; at += 1) {
      const item = this.#items[at]!;
      if (item.request !== null) return item.request;
      if (item.kind === 'sync') return null;
    }
    return null;
  }

  /** A Sync stands in the queue. */
  get syncSent(): boolean {
    for (let at = this.#at; at < this.#items.length; at += 1)
      if (this.#items[at]!.kind === 'sync') return true;
    return false;
  }

  /** The head failed in the extended protocol: it and all up to the next Sync are gone. */
  failToSync(): void {
    const gone: Expected[] = [];
    this.#copyIn = false;
    while (this.size > 0 && this.head!.kind !== 'sync') {
      gone.push(this.head!);
      this.#advance();
    }
    if (this.size === 0) this.#skipping = true;
    this.#skip(gone);
  }

  /** The target asks for COPY data. False where something was sent behind that command: nobody could tell what of it a COPY swallows. */
  startCopyIn(): boolean {
    this.#copyIn = this.size === 1;
    return this.#copyIn;
  }

  endCopyIn(): void {
    this.#copyIn = false;
  }

  #skip(items: readonly Expected[]): void {
    for (let at = items.length - 1; at >= 0; at -= 1) items[at]!.undo?.();
    for (const item of items) {
      this.#skipped(item);
      item.done?.();
    }
  }

  #advance(): void {
    this.#at += 1;
    if (this.#at === this.#items.length) {
      this.#items.length = 0;
      this.#at = 0;
    } else if (this.#at >= 1024) {
      this.#items.splice(0, this.#at);
      this.#at = 0;
    }
  }
}

const isOwedNothing = (item: Expected): boolean => item.kind === 'marker';
