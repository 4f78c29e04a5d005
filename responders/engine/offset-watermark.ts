/** Offsets of one partition that are being worked on: says up to where everything is done. */
export interface OffsetWatermark {
  begin(offset: number): void;
  /** Returns the offset up to which all is done if that has moved. */
  end(offset: number): number | undefined;
}

export function createOffsetWatermark(): OffsetWatermark {
  // Bounded by the caller's bound on work under way, and by one entry for each offset behind the oldest.
  const open: number[] = [];
  const done = new Set<number>();
  return {
    begin: (offset) => void open.push(offset),
    end(offset) {
      done.add(offset);
      let reached: number | undefined;
      while (open.length > 0 && done.delete(open[0]!)) reached = open.shift();
      return reached;
    },
  };
}
