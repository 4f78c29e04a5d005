/** Bounds of the analysis. */
export interface AnalyserConfig {
  /** Longer commands are analysed on a thread of its own, UTF-16 units. */
  readonly directLengthMax: number;
  /** Commands whose tree might be deeper go to that thread, too. */
  readonly directDepthMax: number;
  /** Longer commands are opaque without a look, UTF-16 units. */
  readonly lengthMax: number;
  readonly deadlineMs: number;
  /** Long commands that may wait for the thread; more are opaque. */
  readonly waitingMax: number;
  readonly heapMiBMax: number;
  /** Commands up to this length are kept by shape, UTF-16 units. */
  readonly cachedLengthMax: number;
  readonly shapesMax: number;
  readonly variantsPerShapeMax: number;
  /** SQL-level prepared statements remembered per session. */
  readonly preparedNamesMax: number;
}

export const ANALYSER_DEFAULTS: AnalyserConfig = {
  directLengthMax: 16 * 1024,
  directDepthMax: 1000,
  lengthMax: 16 * 1024 * 1024,
  deadlineMs: 2000,
  waitingMax: 64,
  heapMiBMax: 256,
  cachedLengthMax: 8 * 1024,
  shapesMax: 10_000,
  variantsPerShapeMax: 64,
  preparedNamesMax: 1000,
};
