/** Time and chance as arguments (DESIGN: "Time and chance"). Only platform/clock touches the real ones. */

/** A pending timer; cancelling twice is harmless. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall clock, milliseconds since the epoch. May step back. */
  now(): number;
  /** Monotonic clock, microseconds from an arbitrary start; for durations. */
  monotonicUs(): number;
  /** Calls back once after `delayMs`. The timer does not keep the process alive when `background` is set. */
  after(delayMs: number, callback: () => void, options?: { background?: boolean }): Timer;
  /** Calls back every `periodMs` until cancelled. Never keeps the process alive. */
  every(periodMs: number, callback: () => void): Timer;
  /** Resolves after `delayMs`; rejects with the signal's reason when it aborts first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

export interface Random {
  /** Cryptographically strong bytes. */
  bytes(length: number): Buffer;
  /** A number in [0, 1). */
  float(): number;
  /** UUIDv7 (RFC 9562) for a time in milliseconds since the epoch; grows within one process. */
  uuidv7(nowMs: number): string;
}
