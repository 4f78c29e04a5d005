/** A role on a thread that does what a test asks: dies, hangs, gives up, or counts what the log brings it. */
import { hostRole } from '../../../main/threads/host-role.ts';
import type { Consumer } from '../../../platform/event-log/event-log.ts';

export interface SampleConfig {
  readonly topic: string;
}

hostRole<SampleConfig>(async ({ config, eventLog, metrics }) => {
  const seen: string[] = [];
  let consumer: Consumer | undefined;
  let failed = false;
  metrics.gauge('sample_lives', 'One for each life.').set(1);
  return {
    role: {
      name: 'sample',
      async start() {
        consumer = await eventLog.consume({
          group: 'sample',
          topics: [config.topic],
          startAt: 'earliest',
          batchRecordsMax: 10,
          commit: 'after-batch',
          async onBatch(records) {
            seen.push(...records.map(({ key }) => key ?? ''));
          },
          onFailure: () => undefined,
        });
      },
      stop: async () => consumer?.close(),
      health: () => (failed ? { ready: false, reason: 'it gave up', failed } : { ready: true }),
    },
    close: () => Promise.resolve(),
    answers: {
      seen: () => Promise.resolve(seen),
      die: () => process.exit(3),
      throw: () =>
        new Promise(
          () =>
            void setImmediate(() => {
              throw new Error('a bug of the role');
            }),
        ),
      hang() {
        for (;;);
      },
      async giveUp() {
        await consumer?.close();
        failed = true;
      },
    },
  };
});
