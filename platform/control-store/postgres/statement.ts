/** A statement under a name: each connection parses and plans it once. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** Takes milliseconds: without an answer for a second its connection counts as lost. Leases cannot wait longer. */
  readonly quick?: boolean;
}

export type Row = readonly unknown[];
