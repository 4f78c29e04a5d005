/** Bounds of the analysis: what goes over them is `opaque_code`, never a wait. */
export interface ShellLimits {
  /** Longest command line that is parsed, bytes. The worst lines take time with the square of it. */
  readonly lineBytesMax: number;
  /** How deep shells may stand in shells, and substitutions in each other. */
  readonly depthMax: number;
  /** Syntax nodes visited for one line. */
  readonly nodesMax: number;
  /** Programs found in one line. */
  readonly programsMax: number;
  /** Actions reported for one line. */
  readonly actionsMax: number;
  /** Here documents in one line; the parser takes time with the square of them. */
  readonly hereDocumentsMax: number;
  /** Words that brace expansions of one word may give. */
  readonly expansionsMax: number;
}

export const DEFAULT_LIMITS: ShellLimits = {
  lineBytesMax: 16_384,
  depthMax: 12,
  nodesMax: 10_000,
  programsMax: 500,
  actionsMax: 200,
  hereDocumentsMax: 100,
  expansionsMax: 64,
};
