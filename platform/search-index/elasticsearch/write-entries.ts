/** Items of a call as lines of bulk requests, with what has to be known of each afterwards. */
import type { WriteItem, WriteOutcome } from '../search-index.ts';
import { BulkLines } from './bulk-lines.ts';
import { createSourceWriter } from './source-writer.ts';

export interface Entry {
  /** Its place in the call. */
  readonly at: number;
  /** Its place in the lines. */
  readonly line: number;
  readonly id: string;
  readonly time: number;
}

export interface Entries {
  readonly lines: BulkLines;
  readonly entries: readonly Entry[];
  /** For those that can never be written. */
  readonly outcomes: WriteOutcome[];
}

export type ActionOf = (item: WriteItem) => string | { readonly rejected: string };

export const createAction: ActionOf = ({ id }) => `{"create":{"_id":${JSON.stringify(id)}}}`;
export const upsertAction: ActionOf = ({ id, version }) =>
  Number.isSafeInteger(version) && version! >= 0
    ? `{"index":{"_id":${JSON.stringify(id)},"version":${version},"version_type":"external"}}`
    : { rejected: 'an upsert has an integer version that is not negative' };

const EXPECTED_BYTES_MAX = 8 * 1024 * 1024;
const NAMES_MAX = 1000;

/** Goes through the items of each call once, and writes them down. */
export function createEntryMaker(): (
  index: string,
  items: Iterable<WriteItem>,
  actionOf: ActionOf,
) => Entries {
  const writeSource = createSourceWriter();
  /** By index: the next batch is likely to be as long. */
  const bytesBefore = new Map<string, number>();

  return (index, items, actionOf) => {
    const lines = new BulkLines(Math.min(EXPECTED_BYTES_MAX, (bytesBefore.get(index) ?? 0) * 1.25));
    const entries: Entry[] = [];
    const outcomes: WriteOutcome[] = [];
    let at = 0;
    for (const item of items) {
      const action = actionOf(item);
      const written = typeof action === 'string' ? writeSource(lines, action, item) : action;
      if ('rejected' in written) outcomes[at] = { outcome: 'rejected', reason: written.rejected };
      else entries.push({ at, line: entries.length, id: item.id, time: written.time });
      at += 1;
    }
    if (bytesBefore.size >= NAMES_MAX) bytesBefore.clear();
    bytesBefore.set(index, lines.byteLength);
    return { lines, entries, outcomes };
  };
}
