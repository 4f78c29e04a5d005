import type { LogRecord } from '../../platform/event-log/event-log.ts';

/** The number that an event of `bench kafka-loss` carries. */
export const numberOf = ({ value }: LogRecord): number =>
  Number.parseInt(Buffer.from(value!.subarray(0, 16)).toString(), 10);

/** Counts numbers and sees whether each key's came in the order in which they were written. */
export function createCounter(events: number) {
  const seen = new Uint8Array(events);
  const last = new Map<string, number>();
  let doubled = 0;
  let disordered = 0;
  return {
    seen,
    get doubled() {
      return doubled;
    },
    get disordered() {
      return disordered;
    },
    add(records: readonly LogRecord[]): void {
      for (const record of records) {
        const { key } = record;
        const number = numberOf(record);
        if (seen[number] === 1) doubled += 1;
        else if (number <= (last.get(key!) ?? -1)) disordered += 1;
        seen[number] = 1;
        last.set(key!, Math.max(number, last.get(key!) ?? -1));
      }
    },
    missing: (wanted: Uint8Array): number =>
      wanted.reduce((sum, one, number) => sum + (one === 1 && seen[number] === 0 ? 1 : 0), 0),
  };
}
