/**
 * `npm run bench -- restore [--identities N] [--bytes N]`: how long a detector that gets all partitions takes until their state is there, on
 * Kafka, in one process with the topic's partitions read at once.
 */
import { openStateStore } from '../detectors/engine/state-store.ts';
import { createStateChangelog, type StateChangelog } from '../detectors/engine/state-changelog.ts';
import { openStateWriter } from '../detectors/engine/state-writer.ts';
import { createKeyState } from '../detectors/engine/key-state.ts';
import { openKafka } from '../main/test/support/kafka-log.ts';
import { topicOptions } from '../main/topics.ts';
import type { EventLog } from '../platform/event-log/event-log.ts';
import { createCodec } from '../schemas/codec.ts';
import { startKafka } from '../test/servers/kafka/kafka.ts';
import { atMost, option, round, type Bench } from './bench.ts';

const PARTITIONS = 4;
const BATCH = 1000;
const STATES_MAX = 2000;
const SECONDS_MAX = 30;

async function openChangelog(eventLog: EventLog, partition: number): Promise<StateChangelog> {
  const writer = await openStateWriter(eventLog, 'engine', partition);
  return createStateChangelog(
    { eventLog, writer, codec: createCodec('detector-state') },
    'engine',
    partition,
  );
}

export const bench: Bench = async (args) => {
  const identities = Number(option(args, 'identities', '1000000'));
  const bytes = Number(option(args, 'bytes', '600'));
  const kafka = await startKafka({ steady: true });
  try {
    const eventLog = await openKafka(kafka.brokers);
    await eventLog.ensureTopics(topicOptions(PARTITIONS));
    const empty = createKeyState('x').encode();
    const state = Buffer.concat([empty, Buffer.alloc(Math.max(0, bytes - empty.length))]);
    const each = Math.ceil(identities / PARTITIONS);
    const fillBegun = performance.now();
    await Promise.all(
      Array.from({ length: PARTITIONS }, async (_, partition) => {
        const changelog = await openChangelog(eventLog, partition);
        for (let at = 0; at < each; at += BATCH)
          await changelog.write(
            Array.from({ length: Math.min(BATCH, each - at) }, (__, index) => ({
              key: `https://idp.example.com/tenant/user-${partition}-${at + index}`,
              slot: 0 as const,
              bytes: state,
            })),
            at,
          );
        await changelog.mark(each, []);
      }),
    );
    console.log(`${identities} states written in ${round((performance.now() - fillBegun) / 1000, 1)} s`);
    const begun = performance.now();
    const before = process.memoryUsage().rss;
    const stores = await Promise.all(
      Array.from({ length: PARTITIONS }, async (_, partition) =>
        openStateStore(await openChangelog(eventLog, partition), STATES_MAX),
      ),
    );
    const seconds = (performance.now() - begun) / 1000;
    if (stores.some(({ restoredOffset }) => restoredOffset !== each)) throw new Error('not all was restored');
    await eventLog.close();
    const figures = {
      identities,
      stateBytes: state.length,
      seconds: round(seconds),
      'identities/s': round(identities / seconds, 0),
      'memory MiB': round((process.memoryUsage().rss - before) / 2 ** 20, 0),
    };
    console.table([figures]);
    return { figures, goals: [atMost('seconds until the state is there', SECONDS_MAX, round(seconds))] };
  } finally {
    await kafka.stop();
  }
};
