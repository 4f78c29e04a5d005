import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createCodec } from '../../schemas/codec.ts';
import { DOCUMENT_MAPPINGS } from '../../schemas/ecs/documents.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { SessionEvent } from '../../schemas/types.ts';
import type { LogRecord } from '../../platform/event-log/event-log.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import type { SearchIndex } from '../../platform/search-index/search-index.ts';
import { createRetry } from '../retry.ts';
import { createTopicIndexer } from '../topic-indexer.ts';
import { clock, openStage, sampleOf } from './stage.ts';

const codec = createCodec('session-event');
const mapping = DOCUMENT_MAPPINGS.find(({ topic }) => topic === TOPICS.sessionEvents.name)!;

describe('topic indexer', () => {
  async function start(t: TestContext) {
    const { searchIndex, metrics } = await openStage(t);
    /** What the index was told with each attempt. */
    const told: boolean[] = [];
    let failures = 0;
    const watched: SearchIndex = {
      ...searchIndex,
      async create(index, items, options) {
        told.push(options?.mayRepeat === true);
        const outcomes = await searchIndex.create(index, items, options);
        if (failures > 0) {
          failures -= 1;
          throw new Error('the answer was lost');
        }
        return outcomes;
      },
    };
    const stopped = new AbortController();
    const retry = createRetry(
      { clock, log: silentLogger, signal: stopped.signal, onProblem: () => undefined },
      { retryDelayMsMin: 1, retryDelayMsMax: 1 },
    );
    const indexer = createTopicIndexer({
      mapping,
      codec,
      searchIndex: watched,
      deadLetters: {
        give: () => assert.fail('nothing goes to dead-letters'),
        close: () => undefined,
      },
      retry,
      log: silentLogger,
      metrics,
    });
    const batch = (partition: number, ...ids: readonly string[]): Promise<void> =>
      indexer.onBatch(
        ids.map((eventId, offset): LogRecord => {
          const value = codec.encode({ ...sampleOf<SessionEvent>('session-event', 'request'), eventId });
          return { topic: mapping.topic, partition, offset, key: 'k', value, headers: {}, timestamp: 0 };
        }),
      );
    return {
      indexer,
      batch,
      told: () => told.splice(0),
      loseAnswers: (count: number) => void (failures = count),
      count: () => searchIndex.count({ index: 'session-events' }),
    };
  }

  it('says that a delivery may repeat until a whole batch of the partition was new', async (t) => {
    const { batch, told, indexer } = await start(t);
    await batch(0, 'a', 'b');
    await batch(0, 'c');
    assert.deepEqual(told(), [true, false]);
    await batch(1, 'd');
    await batch(1, 'e');
    assert.deepEqual(told(), [true, false], 'each partition for itself');
    indexer.onAssigned([{ topic: mapping.topic, partition: 0 }]);
    await batch(0, 'c', 'f');
    await batch(0, 'g');
    await batch(0, 'h');
    await batch(1, 'i');
    assert.deepEqual(told(), [true, true, false, false], 'one that was there keeps the doubt');
  });

  it('says so as well after an answer was lost, and indexes each once', async (t) => {
    const { batch, told, loseAnswers, count } = await start(t);
    await batch(0, 'a');
    loseAnswers(2);
    await batch(0, 'b', 'c');
    await batch(0, 'd');
    await batch(0, 'e');
    assert.deepEqual(told(), [true, false, true, true, true, false]);
    assert.equal(await count(), 5);
  });
});
