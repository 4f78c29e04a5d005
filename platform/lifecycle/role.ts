/** A role is a stage of the road that can run alone or with the others: gateway, detectors, responders, ingest. */
export interface Role {
  readonly name: string;
  /** Resolves when it serves; rejects with a CountersignError when it cannot. */
  start(): Promise<void>;
  /** Ends in order, letting work finish up to `graceMs`; never rejects. */
  stop(graceMs: number): Promise<void>;
  /** Ready to serve now? With the reason where not; `failed`: it has given up and must be started again. */
  health(): { readonly ready: boolean; readonly reason?: string; readonly failed?: boolean };
}
