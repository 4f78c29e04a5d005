/** Dead letters for people: what there is, what is in it, and once more into its topic. */
import type { DeadLetterDetail, DeadLetterQuery, DeadLetterSummary } from '../../schemas/api/dead-letters.ts';
import type { Page } from '../../schemas/api/common.ts';
import { createCodec } from '../../schemas/codec.ts';
import { deadLetterId } from '../../schemas/ecs/dead-letter.ts';
import { TOPICS, type TopicDefinition } from '../../schemas/topics.ts';
import type { DeadLetter } from '../../schemas/types.ts';
import { findLetters, newestLetters } from '../../platform/dead-letters/find-letters.ts';
import type { LogWriter } from '../../platform/event-log/event-log.ts';
import type { Filter, SearchIndex } from '../../platform/search-index/search-index.ts';
import { hexDump } from './hex-dump.ts';
import { createReplayer, type Replayed, type ReplayerDeps } from './replay.ts';

export interface DeadLettersService {
  /** Newest first. */
  list(query: DeadLetterQuery): Promise<Page<DeadLetterSummary>>;
  /** From the log, by reading all of its partition. */
  find(ids: readonly string[]): Promise<ReadonlyMap<string, DeadLetter>>;
  describe(letter: DeadLetter): Promise<DeadLetterDetail>;
  replay(
    letter: DeadLetter,
    by: string,
    writer: LogWriter,
  ): Promise<{ readonly before: boolean; readonly replayed: Replayed }>;
}

const INDEX = 'dead-letters';
const FIELDS = {
  topic: 'countersign.dead_letter.topic',
  stage: 'countersign.dead_letter.stage',
  code: 'error.code',
} as const;

type Decoded = { readonly decoded: unknown; readonly problem: string | null };

/** The record as JSON, by the schema of its topic. */
function decode({ sourceTopic, value }: DeadLetter): Decoded {
  const topic = (Object.values(TOPICS) as TopicDefinition[]).find(({ name }) => name === sourceTopic);
  if (topic === undefined) return { decoded: null, problem: `${sourceTopic} is no topic of Countersign` };
  const codec = createCodec(topic.schema);
  const read = codec.decode(value);
  if (!read.ok) return { decoded: null, problem: read.reason };
  return { decoded: codec.toJson(read.value), problem: null };
}

export function createDeadLettersService(
  deps: ReplayerDeps & { readonly search: SearchIndex },
): DeadLettersService {
  const { search, eventLog } = deps;
  const codec = createCodec('dead-letter');
  const replayer = createReplayer(deps);

  const summaryOf = async (letter: DeadLetter): Promise<DeadLetterSummary> => {
    const id = deadLetterId(letter);
    const { time, sourceTopic, sourcePartition, sourceOffset, stage, code, reason, value } = letter;
    return {
      id,
      time,
      topic: sourceTopic,
      partition: sourcePartition,
      offset: sourceOffset,
      stage,
      code,
      reason,
      valueBytes: value.length,
      replayed: (await replayer.replayed(id)) ?? null,
    };
  };

  const fromLog = async (query: DeadLetterQuery): Promise<DeadLetterSummary[]> => {
    const { topic, stage, code, state, from, to, limit } = query;
    const wanted = (letter: DeadLetter): boolean =>
      (topic === undefined || letter.sourceTopic === topic) &&
      (stage === undefined || letter.stage === stage) &&
      (code === undefined || letter.code === code) &&
      (from === undefined || letter.time >= from) &&
      (to === undefined || letter.time < to);
    const summaries: DeadLetterSummary[] = [];
    for (const letter of await newestLetters({ eventLog, codec }, wanted, limit)) {
      const summary = await summaryOf(letter);
      if (state === 'all' || (summary.replayed === null) === (state === 'waiting')) summaries.push(summary);
    }
    return summaries;
  };

  return {
    async list(asked) {
      if (asked.source === 'log') return { items: await fromLog(asked) };
      const { state, limit, after, from, to, ...query } = asked;
      const filters: Filter[] = [];
      for (const [name, field] of Object.entries(FIELDS) as [keyof typeof FIELDS, string][])
        if (query[name] !== undefined) filters.push({ field, is: query[name] });
      const { hits, next } = await search.search({
        index: INDEX,
        filters,
        limit,
        order: 'newest',
        ...(after === undefined ? {} : { after }),
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      });
      const items: DeadLetterSummary[] = [];
      for (const { id, document } of hits) {
        const replayed = (await replayer.replayed(id)) ?? null;
        if (state !== 'all' && (replayed === null) !== (state === 'waiting')) continue;
        items.push({
          id,
          time: document['@timestamp'],
          topic: document[FIELDS.topic] as string,
          partition: Number(document['countersign.dead_letter.partition']),
          offset: Number(document['countersign.dead_letter.offset']),
          stage: document[FIELDS.stage] as string,
          code: document[FIELDS.code] as string,
          reason: (document['error.message'] as string | undefined) ?? '',
          valueBytes: Number(document['countersign.dead_letter.value_length']),
          replayed,
        });
      }
      return next === undefined ? { items } : { items, next };
    },
    find: (ids) => findLetters({ eventLog, codec }, ids),
    async describe(letter) {
      return {
        ...(await summaryOf(letter)),
        key: letter.key === null ? null : letter.key.toString('utf8').toWellFormed(),
        ...decode(letter),
        dump: hexDump(letter.value),
      };
    },
    replay: (letter, by, writer) => replayer.replay(deadLetterId(letter), letter, by, writer),
  };
}
