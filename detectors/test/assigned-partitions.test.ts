/** Partitions that come and go: what is kept, what is read again, and who may write. On a real embedded log, fed by hand. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import { TOPICS } from '../../schemas/topics.ts';
import { BASELINES } from '../baselines/registry.ts';
import { createAssignedPartitions, type AssignedPartitions } from '../engine/assigned-partitions.ts';
import { codecs, createEngineBench, noControl, type EngineBench } from './support/engine-bench.ts';
import { EMPTY_DIRECTORY } from '../directory/directory.ts';
import { attackedHistory } from './support/history.ts';

const TOPIC = TOPICS.sessionEvents.name;
const P0 = [{ topic: TOPIC, partition: 0 }];

/** A process with detectors: how often it made an engine, and from where it went on. */
function startProcess(bench: EngineBench) {
  const told = { made: 0, soughtTo: [] as number[] };
  const partitions: AssignedPartitions = createAssignedPartitions(
    { log: silentLogger, restored: () => undefined },
    () => 0,
    TOPIC,
    () => {
      told.made += 1;
      return bench.open();
    },
  );
  return {
    told,
    partitions,
    assign: () =>
      partitions.onAssigned(P0, { seek: (_topic, _partition, offset) => void told.soughtTo.push(offset) }),
    revoke: () => partitions.onRevoked(P0),
    /** Takes all that the log has from an offset on; returns where it ends. */
    async take(from: number): Promise<number> {
      const records = await bench.input(from);
      for (let at = 0; at < records.length; at += 100)
        await partitions.take(records.slice(at, at + 100), noControl);
      return records.length === 0 ? from : records.at(-1)!.offset + 1;
    },
  };
}

const detections = async (bench: EngineBench): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await bench.values(TOPICS.detections.name, codecs.detection)).map(({ detectionId, reason }) => [
      detectionId,
      reason,
    ]),
  );

describe('detectors: partitions that come and go', () => {
  const { history, attack } = attackedHistory(21, 9);
  const lived = async (): Promise<Record<string, string>> => {
    const bench = await createEngineBench(BASELINES);
    await bench.append([...history, ...attack]);
    await bench.feed(await bench.open());
    const found = await detections(bench);
    await bench.end();
    assert.ok(Object.keys(found).length > 5);
    return found;
  };
  const begin = (): Promise<EngineBench> => createEngineBench(BASELINES, {}, EMPTY_DIRECTORY, true);

  it('what comes back at once goes on as it was, without restoring', async () => {
    const bench = await begin();
    const one = startProcess(bench);
    await bench.append(history);
    await one.assign();
    const next = await one.take(0);
    await one.revoke();
    await one.assign();
    assert.deepEqual(one.told, { made: 1, soughtTo: [next] });
    await bench.append(attack);
    await one.take(next);
    assert.deepEqual(await detections(bench), await lived());
    await one.partitions.close();
    await bench.end();
  });

  it('what another process had meanwhile is restored, and is where that one left it', async () => {
    const bench = await begin();
    const [one, two] = [startProcess(bench), startProcess(bench)];
    const half = Math.floor(history.length / 2);
    await bench.append(history.slice(0, half));
    await one.assign();
    const first = await one.take(0);
    await one.revoke();
    await bench.append(history.slice(half));
    await two.assign();
    const second = await two.take(first);
    await two.revoke();
    await one.assign();
    assert.deepEqual(one.told, { made: 2, soughtTo: [second] });
    assert.deepEqual(two.told.soughtTo, [first]);
    await bench.append(attack);
    await one.take(second);
    assert.deepEqual(await detections(bench), await lived());
    await one.partitions.close();
    await two.partitions.close();
    await bench.end();
  });

  it('a process that was taken for dead and wakes up writes no state any more, and that is no failure', async () => {
    const bench = await begin();
    const [asleep, heir] = [startProcess(bench), startProcess(bench)];
    await bench.append(history);
    await asleep.assign();
    const next = await asleep.take(0);
    await asleep.partitions.commit();
    // Nobody tells it that the partition is another's now.
    await heir.assign();
    assert.deepEqual(heir.told.soughtTo, [next]);
    await bench.append(attack);
    await heir.take(next);
    await heir.partitions.commit();
    const before = (await bench.all(TOPICS.detectorState.name)).length;
    await asleep.take(next);
    await asleep.partitions.commit();
    assert.equal((await bench.all(TOPICS.detectorState.name)).length, before);
    // And what it still gets it leaves alone.
    await asleep.take(next);
    await asleep.partitions.tick();
    assert.deepEqual(await detections(bench), await lived());
    await asleep.partitions.close();
    await heir.partitions.close();
    await bench.end();
  });
});
