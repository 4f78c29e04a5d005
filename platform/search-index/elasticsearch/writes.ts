/**
 * Adds documents once. Within one backing index the server refuses an id that is there. A data stream has several, and the same id
 * could stand in an older one, so ids are looked up there first: when the caller says that a delivery may repeat, and always for
 * documents from before the newest backing index (later ones cannot be in an older one). Where the server rolls over between our look
 * and our write, what we wrote into the new backing index is checked once more, and taken back.
 */
import type { ElasticsearchConfig } from '../../../schemas/config/elasticsearch.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { WriteItem, WriteOutcome } from '../search-index.ts';
import type { Bulk, BulkResult } from './bulk.ts';
import { bulkLinesOf, type BulkLines } from './bulk-lines.ts';
import type { Connection } from './connection.ts';
import type { Part, Streams } from './streams.ts';
import { createAction, createEntryMaker, upsertAction, type Entry } from './write-entries.ts';

interface Copy {
  readonly _index: string;
  readonly _id: string;
  readonly _seq_no: number;
  readonly _primary_term: number;
}

/** Hits of one look-up: `index.max_result_window` of a server that nobody changed. */
const HITS_MAX = 10_000;

export function createWrites(
  deps: { connection: Connection; bulk: Bulk; streams: Streams; metrics: Metrics },
  config: Pick<ElasticsearchConfig, 'repeatMarginMs'>,
) {
  const { connection, bulk, streams, metrics } = deps;
  const looked = metrics.counter(
    'countersign_search_index_looked_up_total',
    'Documents looked up before they were added.',
  );
  const repeated = metrics.counter(
    'countersign_search_index_repeats_total',
    'Documents that were there already, by how that was found.',
    ['found'],
  );

  /** All copies of these ids, in all backing indices. */
  const copiesOf = async (name: string, parts: number, ids: readonly string[]): Promise<Copy[]> => {
    await connection.request('POST', `/${name}/_refresh?ignore_unavailable=true`);
    const copies: Copy[] = [];
    const step = Math.max(1, Math.floor(HITS_MAX / parts));
    for (let at = 0; at < ids.length; at += step) {
      const { body } = await connection.request('POST', `/${name}/_search?ignore_unavailable=true`, {
        query: { ids: { values: ids.slice(at, at + step) } },
        size: HITS_MAX,
        _source: false,
        seq_no_primary_term: true,
        track_total_hits: false,
      });
      copies.push(...(body as { hits: { hits: Copy[] } }).hits.hits);
    }
    looked.add(ids.length);
    return copies;
  };

  /** Ids that are there, each in its oldest backing index; further copies are removed. */
  const settle = async (
    name: string,
    parts: readonly Part[],
    ids: readonly string[],
  ): Promise<Map<string, string>> => {
    const age = new Map(parts.map((part, order) => [part.name, order]));
    const order = ({ _index }: Copy): number => age.get(_index) ?? parts.length;
    const copies = (await copiesOf(name, parts.length, ids)).toSorted((a, b) => order(a) - order(b));
    const kept = new Map<string, string>();
    const extra: Copy[] = [];
    for (const copy of copies) {
      if (kept.has(copy._id)) extra.push(copy);
      else kept.set(copy._id, copy._index);
    }
    if (extra.length > 0) {
      repeated.add(extra.length, { found: 'after' });
      const deletes = extra.map(({ _index, _id, _seq_no, _primary_term }) => ({
        delete: { _index, _id, if_seq_no: _seq_no, if_primary_term: _primary_term },
      }));
      await bulk.send(name, bulkLinesOf(deletes));
    }
    return kept;
  };

  const isOld = (entry: Entry, parts: readonly Part[], mayRepeat: boolean): boolean =>
    parts.length > 1 && (mayRepeat || entry.time < parts.at(-1)!.createdAt + config.repeatMarginMs);

  const createOnce = async (
    index: string,
    lines: BulkLines,
    entries: readonly Entry[],
    mayRepeat: boolean,
    outcomes: WriteOutcome[],
  ): Promise<void> => {
    const name = streams.nameOf(index);
    // What another process rolled over is not known here yet; a delivery that repeats is rare enough to ask.
    if (mayRepeat) streams.forget(index);
    const before = await streams.parts(index);
    const doubtful = entries.filter((entry) => isOld(entry, before, mayRepeat));
    const there =
      doubtful.length === 0
        ? new Map<string, string>()
        : await settle(
            name,
            before,
            doubtful.map(({ id }) => id),
          );
    const fresh = there.size === 0 ? entries : entries.filter(({ id }) => !there.has(id));
    if (there.size > 0)
      for (const { at, id } of entries) if (there.has(id)) outcomes[at] = { outcome: 'duplicate' };
    repeated.add(entries.length - fresh.length, { found: 'before' });
    if (fresh.length === 0) return;

    const results = await bulk.send(name, lines.pick(fresh.map(({ line }) => line)), { stream: true });
    const newest = before.at(-1)?.name;
    const moved: Entry[] = [];
    for (const [n, result] of results.entries()) {
      const entry = fresh[n]!;
      outcomes[entry.at] = outcomeOf(result, 'duplicate');
      if (result.status === 'written' && result.index !== newest) moved.push(entry);
    }
    if (moved.length === 0) return;
    streams.forget(index);
    const after = await streams.parts(index);
    const unsure = moved.filter((entry) => isOld(entry, after, mayRepeat));
    if (unsure.length === 0) return;
    const kept = await settle(
      name,
      after,
      unsure.map(({ id }) => id),
    );
    for (const { at, id } of unsure)
      if (kept.get(id) !== undefined && kept.get(id) !== after.at(-1)!.name)
        outcomes[at] = { outcome: 'duplicate' };
  };

  const trusting = async <R>(index: string, work: () => Promise<R>): Promise<R> => {
    try {
      return await work();
    } catch (error) {
      streams.distrust(index);
      throw error;
    }
  };

  const makeEntries = createEntryMaker();
  return {
    async create(index: string, items: Iterable<WriteItem>, mayRepeat: boolean): Promise<WriteOutcome[]> {
      const { lines, entries, outcomes } = makeEntries(index, items, createAction);
      let rest = entries;
      if (rest.length > 0) await streams.ensure(index, true);
      // The same id twice in one call: the second goes after the first, whatever becomes of it.
      while (rest.length > 0) {
        const seen = new Set<string>();
        const later: Entry[] = [];
        const now = rest.filter((entry) => {
          if (!seen.has(entry.id)) return seen.add(entry.id);
          later.push(entry);
          return false;
        });
        await trusting(index, () => createOnce(index, lines, now, mayRepeat, outcomes));
        rest = later;
      }
      return outcomes;
    },

    async upsert(index: string, items: Iterable<WriteItem>): Promise<WriteOutcome[]> {
      const { lines, entries, outcomes } = makeEntries(index, items, upsertAction);
      if (entries.length === 0) return outcomes;
      await streams.ensure(index, false);
      const results = await trusting(index, () => bulk.send(streams.nameOf(index), lines));
      for (const [n, result] of results.entries()) outcomes[entries[n]!.at] = outcomeOf(result, 'stale');
      return outcomes;
    },
  };
}

function outcomeOf(result: BulkResult, conflict: 'duplicate' | 'stale'): WriteOutcome {
  if (result.status === 'written') return { outcome: result.created ? 'created' : 'updated' };
  if (result.status === 'rejected') return { outcome: 'rejected', reason: result.reason };
  return { outcome: conflict };
}
