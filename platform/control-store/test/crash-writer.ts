/** A process that writes to the store until it is killed; prints each revision once it is acknowledged. */
import { writeSync } from 'node:fs';
import { createSystemClock } from '../../clock/system-clock.ts';
import { createSqliteControlStore } from '../sqlite/sqlite-control-store.ts';

const store = await createSqliteControlStore(
  { clock: createSystemClock() },
  {
    file: process.argv[2]!,
    transactionTimeoutMs: 60_000,
    transactionsWaitingMax: 10,
    foreignPollMs: 0,
    busyTimeoutMs: 5000,
    outboxEntriesMax: 100_000,
  },
);
for (;;) {
  const revision = await store.transact(async (tx) => {
    const n = (await tx.get<{ n: number }>('c', 'n'))?.value.n ?? 0;
    await tx.put('c', 'n', { n: n + 1 });
    await tx.publish('topic', 'k', Buffer.from(String(n + 1)));
    return tx.revision;
  });
  writeSync(1, `${revision}\n`);
}
