/** Several fetchers share what is known of the leaders: one may learn from another's question that its own has gone. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { until } from '../../../../test/support/until.ts';
import { createSystemClock } from '../../../clock/system-clock.ts';
import { silentLogger } from '../../../log/pino-logger.ts';
import type { Cluster } from '../cluster.ts';
import { createFetchLane } from '../fetch-lane.ts';
import { createFetcher } from '../fetcher.ts';
import { createWriter } from '../wire/bytes.ts';
import { kafkaConfig } from './harness.ts';

/** Fetch, version 11: nothing new in the partition. */
function nothingNew(): Buffer {
  const answer = createWriter();
  answer.int32(0).int16(0).int32(0);
  answer.array(['t'], (topic) => {
    answer.string(topic).array([0], (partition) => {
      answer.int32(partition).int16(0).int64(0).int64(0).int64(0);
      answer.int32(0).int32(-1).bytes(Buffer.alloc(0));
    });
  });
  return answer.done();
}

type Leaders = readonly [ofFirst: number, ofSecond: number];

/** Brokers that keep each fetch until it is answered here, for two partitions; `onRefresh` is asked who leads. */
function openFetcher(t: TestContext, onRefresh: () => Leaders) {
  let leaders: Leaders = [1, 1];
  const fetches: { readonly broker: number; answer(): void }[] = [];
  const cluster = {
    transport: {},
    leaderOf: (_: string, partition: number) => leaders[partition],
    async refresh() {
      leaders = onRefresh();
    },
    channelTo: async (_: unknown, broker: number) => ({
      usable: true,
      close() {},
      send: () =>
        new Promise<Buffer>((resolve) => {
          fetches.push({ broker, answer: () => resolve(nothingNew()) });
        }),
    }),
    distrust() {},
  } as unknown as Cluster;
  const config = kafkaConfig({ brokers: ['localhost:1'] });
  const fetcher = createFetcher({ cluster, clock: createSystemClock(), log: silentLogger }, config);
  t.after(() => fetcher.close());
  fetcher.add(
    [0, 1].map((partition) => createFetchLane({ kafkaTopic: 't', topic: 't', partition }, 0, 1_000_000)),
  );
  return {
    brokers: () => fetches.map(({ broker }) => broker),
    nth: (count: number) => until(`fetch ${count}`, () => fetches[count - 1]),
    /** What another fetcher's question found. */
    found(now: Leaders) {
      leaders = now;
    },
  };
}

describe('kafka fetcher', () => {
  it('looks for leaders where another found that there are none', async (t) => {
    const answers: Leaders[] = [
      [-1, -1],
      [-1, -1],
      [1, 1],
    ];
    const { nth, found } = openFetcher(t, () => answers.shift()!);
    const first = await nth(1);
    found([-1, -1]);
    first.answer();
    assert.equal((await nth(2)).broker, 1);
    assert.deepEqual(answers, []);
  });

  it('goes to the leader that another found', async (t) => {
    const { nth, found } = openFetcher(t, () => [2, 2]);
    const first = await nth(1);
    found([2, 2]);
    first.answer();
    assert.equal((await nth(2)).broker, 2);
  });

  it('goes to both where another found that one partition has moved', async (t) => {
    const { nth, found, brokers } = openFetcher(t, () => [1, 2]);
    const first = await nth(1);
    found([1, 2]);
    first.answer();
    await nth(3);
    assert.deepEqual(new Set(brokers().slice(1)), new Set([1, 2]));
  });

  it('looks for the leader of one partition that another found without', async (t) => {
    const { nth, found, brokers } = openFetcher(t, () => [1, 3]);
    const first = await nth(1);
    found([1, -1]);
    first.answer();
    await nth(3);
    assert.deepEqual(new Set(brokers().slice(1)), new Set([1, 3]));
  });
});
