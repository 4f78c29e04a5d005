/** A member of a group on a thread of its own: passes on what it gets, and stops dead on the value `die`, in the middle of the batch. */
import { workerData, type MessagePort } from 'node:worker_threads';
import { createRemoteEventLog } from '../remote-event-log.ts';

const { port } = workerData as { port: MessagePort };
const log = createRemoteEventLog(port);
const writer = await log.writer('worker');
await log.consume({
  group: 'group',
  topics: ['in'],
  startAt: 'earliest',
  batchRecordsMax: 10,
  commit: 'after-batch',
  async onBatch(records) {
    for (const { key, value } of records) {
      // Ends the thread without a word to the owner of the log.
      if (value !== null && Buffer.from(value).toString() === 'die') process.exit(1);
      await writer.append('out', [{ key, value, headers: { by: 'worker' } }]);
    }
  },
  onFailure() {},
});
