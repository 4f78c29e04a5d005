/** The knobs that a seed turns while a run goes on. All off: nothing fails, everything takes some time. */
export interface Faults {
  /** Longest way to the log, the store and between processes, milliseconds. */
  delayMsMax: number;
  /** How often an append to the log fails before it has an effect, and after. */
  appendFails: number;
  appendReplyLost: number;
  /** The control store cannot be reached. */
  storeAway: boolean;
  storeReplyLost: number;
  /** Control calls of responders. */
  callLost: number;
  callReplyLost: number;
  callDoubled: number;
  /** Deliveries of countersign.control to gateways stand still until then (monotonic, milliseconds). */
  controlStalledUntilMs: number;
  /** Only for this process; for all where undefined. */
  controlStalledFor: string | undefined;
}

export const noFaults = (): Faults => ({
  delayMsMax: 2,
  appendFails: 0,
  appendReplyLost: 0,
  storeAway: false,
  storeReplyLost: 0,
  callLost: 0,
  callReplyLost: 0,
  callDoubled: 0,
  controlStalledUntilMs: 0,
  controlStalledFor: undefined,
});

/** Puts everything right again, in place. */
export function heal(faults: Faults): void {
  Object.assign(faults, noFaults());
}
