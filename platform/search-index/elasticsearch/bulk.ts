/** Bulk requests: sized by what the server takes, each item handled by itself. */
import type { ElasticsearchConfig } from '../../../schemas/config/elasticsearch.ts';
import type { Clock, Random } from '../../clock/clock.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { searchIndexError } from '../errors.ts';
import type { BulkLines } from './bulk-lines.ts';
import { reasonOf, type Connection } from './connection.ts';

export type BulkResult =
  | { readonly status: 'written'; readonly created: boolean; readonly index: string }
  /** The id is there, or (external versions) a version as high. */
  | { readonly status: 'conflict'; readonly reason: string }
  /** A delete that found nothing. */
  | { readonly status: 'absent' }
  | { readonly status: 'rejected'; readonly reason: string };

export interface Bulk {
  /**
   * Sends all; results in the order given. Rejects with SEARCH_INDEX_UNAVAILABLE or SEARCH_INDEX_FORBIDDEN when the server has no room
   * after several attempts or is away: whatever was written stays.
   */
  send(
    name: string,
    entries: BulkLines,
    /** The name has to be a data stream: without its template the server would make an index of it, with fields by chance. */
    options?: { readonly stream: boolean },
  ): Promise<BulkResult[]>;
}

interface ItemAnswer {
  readonly _index: string;
  readonly status: number;
  readonly error?: {
    readonly type: string;
    readonly reason?: string;
    readonly caused_by?: ItemAnswer['error'];
  };
}

/** Documents per request never fall below this. */
const DOCUMENTS_MIN = 8;
const GROW = 1.25;
/** Only so many different lines of what the server said go into an error. */
const REASON_CHARS_MAX = 500;

/** Errors that lie in the document and stay, whenever it is sent. Everything else may pass, or is for an administrator to mend. */
const OF_THE_DOCUMENT = new Set([
  'document_parsing_exception',
  'mapper_parsing_exception',
  'mapper_exception',
  'strict_dynamic_mapping_exception',
  'parsing_exception',
  'max_bytes_length_exceeded_exception',
]);
const isOfTheDocument = ({ type, reason = '' }: NonNullable<ItemAnswer['error']>): boolean =>
  OF_THE_DOCUMENT.has(type) ||
  (type === 'illegal_argument_exception' &&
    /immense term|mapper \[|Limit of|can't merge|document/i.test(reason));

const describe = (error: ItemAnswer['error']): string => {
  const cause = error?.caused_by?.reason;
  return [error?.type, error?.reason, cause === error?.reason ? undefined : cause]
    .filter((part) => part !== undefined)
    .join(': ')
    .slice(0, REASON_CHARS_MAX);
};

type Sorted =
  | BulkResult
  | { readonly status: 'again'; readonly reason: string }
  | { readonly status: 'forbidden'; readonly reason: string };

function sort({ _index: index, status, error }: ItemAnswer): Sorted {
  if (error === undefined) {
    return status === 404 ? { status: 'absent' } : { status: 'written', created: status === 201, index };
  }
  const reason = describe(error);
  if (status === 409) return { status: 'conflict', reason };
  if (status === 400 && isOfTheDocument(error)) return { status: 'rejected', reason };
  if (error.type === 'security_exception') return { status: 'forbidden', reason };
  return { status: 'again', reason };
}

export function createBulk(
  deps: { connection: Connection; clock: Clock; random: Random; metrics: Metrics; signal: AbortSignal },
  config: ElasticsearchConfig['bulk'],
): Bulk {
  const { connection, clock, random, metrics, signal } = deps;
  const again = metrics.counter(
    'countersign_search_index_sent_again_total',
    'Documents that Elasticsearch had no room for, each time it said so.',
  );
  const gauge = metrics.gauge(
    'countersign_search_index_bulk_documents',
    'Documents per bulk request at the moment.',
  );
  let documents = config.documentsMax;
  const resize = (wanted: number): void => {
    documents = Math.max(DOCUMENTS_MIN, Math.min(config.documentsMax, Math.floor(wanted)));
    gauge.set(documents);
  };
  resize(documents);

  /** Results of one request, or `undefined` where it was too large for the server. */
  const sendOne = async (target: string, body: Buffer, count: number): Promise<Sorted[] | undefined> => {
    const path = `/${target}filter_path=items.*._index,items.*.status,items.*.error`;
    const { status, body: answer } = await connection.request('POST', path, body, { allowed: [413, 429] });
    if (status === 413) return undefined;
    if (status === 429)
      return Array.from({ length: count }, () => ({ status: 'again', reason: reasonOf(answer, 429) }));
    const { items } = answer as { items: readonly Record<string, ItemAnswer>[] };
    return items.map((item) => sort(Object.values(item)[0]!));
  };

  /** Index past the last entry of a request that starts at `from`. */
  const endOf = (lines: BulkLines, from: number): number => {
    let to = Math.min(lines.count, from + documents);
    while (to > from + 1 && lines.bytesOf(from, to) > config.bytesMax) to -= 1;
    return to;
  };

  /** Sends each once; entries that the server alone cannot take are rejected. */
  const sendAll = async (target: string, lines: BulkLines): Promise<Sorted[]> => {
    const results: Sorted[] = [];
    while (results.length < lines.count) {
      const from = results.length;
      const to = endOf(lines, from);
      const sorted = await sendOne(target, lines.slice(from, to), to - from);
      if (sorted === undefined) {
        if (to - from === 1)
          results.push({ status: 'rejected', reason: 'the server takes no request of this size' });
        else resize((to - from) / 2);
        // Below the least size, one by one.
        if (to - from <= DOCUMENTS_MIN && to - from > 1)
          for (let entry = from; entry < to; entry += 1)
            results.push(
              (await sendOne(target, lines.slice(entry, entry + 1), 1))?.[0] ?? {
                status: 'rejected',
                reason: 'the server takes no request of this size',
              },
            );
        continue;
      }
      resize(documents * (sorted.some(({ status }) => status === 'again') ? 0.5 : GROW));
      results.push(...sorted);
    }
    return results;
  };

  return {
    async send(name, entries, { stream } = { stream: false }) {
      const target = `${name}/_bulk?${stream ? 'require_data_stream=true&' : ''}`;
      const results: BulkResult[] = [];
      let pending = Array.from({ length: entries.count }, (_, at) => at);
      for (let attempt = 1; pending.length > 0; attempt += 1) {
        const sorted = await sendAll(target, entries.pick(pending));
        const left: number[] = [];
        let reason = '';
        for (const [n, result] of sorted.entries()) {
          const at = pending[n]!;
          if (result.status === 'forbidden')
            throw searchIndexError('SEARCH_INDEX_FORBIDDEN', { reason: result.reason });
          if (result.status === 'again') {
            left.push(at);
            ({ reason } = result);
          } else results[at] = result;
        }
        if (left.length > 0) {
          again.add(left.length);
          if (attempt >= config.attemptsMax) throw searchIndexError('SEARCH_INDEX_UNAVAILABLE', { reason });
          const wait = Math.min(config.retryDelayMsMax, config.retryDelayMsMin * 2 ** (attempt - 1));
          // Several processes that were refused at once do not come back at once.
          await clock.sleep(wait * (0.5 + random.float() / 2), signal);
        }
        pending = left;
      }
      return results;
    },
  };
}
