/** A member of the group `kill` in a process of its own; tells its parent each value it has processed, one at a time, until it is killed. */
import type { KafkaConfig } from '../../../../schemas/config/kafka.ts';
import { text } from '../../test/support.ts';
import { openKafka } from './harness.ts';

const config = JSON.parse(process.argv[2]!) as Partial<KafkaConfig> & { brokers: string[] };
const { log } = await openKafka(config);
await log.consume({
  group: 'kill',
  topics: [process.argv[3]!],
  startAt: 'earliest',
  batchRecordsMax: 1,
  commit: 'after-batch',
  async onBatch([record]) {
    await new Promise((resolve) => {
      process.send!(text(record!), resolve);
    });
  },
  onFailure(error) {
    throw error;
  },
});
process.send!('ready');
