/** A statement under a name: each connection parses and plans it once. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export type Row = readonly unknown[];
