import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DOCUMENT_MAPPINGS } from '../../schemas/ecs/documents.ts';
import { createManualClock } from '../../platform/clock/manual-clock.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import { createRetention, retentionDays } from '../retention.ts';
import { ingestConfig, openStage } from './stage.ts';

const DAY_MS = 86_400_000;

describe('retention', () => {
  it('has a time for every index', () => {
    assert.deepEqual(
      Object.keys(retentionDays(ingestConfig().retention)).toSorted(),
      DOCUMENT_MAPPINGS.map(({ index }) => index).toSorted(),
    );
  });

  it('deletes what is older than its index keeps, by the clock', async (t) => {
    const { searchIndex, metrics } = await openStage(t);
    const clock = createManualClock();
    const retention = createRetention(
      { searchIndex, clock, log: silentLogger, metrics },
      {
        ...ingestConfig().retention,
        sessionEventsDays: 10,
        incidentsDays: 20,
      },
    );
    for (const index of ['session-events', 'incidents']) {
      await searchIndex.create(
        index,
        [5, 15, 25].map((days) => ({
          id: `${days}`,
          document: { '@timestamp': clock.now() - days * DAY_MS },
        })),
      );
    }
    const counts = await retention.run();
    assert.equal(counts['session-events'], 2);
    assert.equal(counts['incidents'], 1);
    assert.equal(counts['detections'], 0);
    clock.advance(6 * DAY_MS);
    assert.equal((await retention.run())['session-events'], 1);
  });

  it('goes on with the others when one index fails', async (t) => {
    const { searchIndex, metrics } = await openStage(t);
    const failing: typeof searchIndex = {
      ...searchIndex,
      expire: async (index, before) => {
        if (index === 'session-events') throw new Error('away');
        return searchIndex.expire(index, before);
      },
    };
    const retention = createRetention(
      { searchIndex: failing, clock: createManualClock(), log: silentLogger, metrics },
      ingestConfig().retention,
    );
    const counts = await retention.run();
    assert.equal(counts['session-events'], undefined);
    assert.equal(counts['dead-letters'], 0);
  });

  it('refuses a schedule that is none, and starts and stops with one', async (t) => {
    const { searchIndex, metrics } = await openStage(t);
    const make = (schedule: string) =>
      createRetention(
        { searchIndex, clock: createManualClock(), log: silentLogger, metrics },
        { ...ingestConfig().retention, schedule },
      );
    assert.throws(() => make('at night').start(), { code: 'INGEST_SCHEDULE_INVALID' });
    const retention = make('17 3 * * *');
    retention.start();
    await retention.stop();
    await retention.stop();
  });
});
