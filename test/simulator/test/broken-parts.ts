/** Parts with one mistake each, of the kind that the simulator is there to find. */
import type { ControlStore, ControlTransaction } from '../../../platform/control-store/control-store.ts';
import type { EventLog } from '../../../platform/event-log/event-log.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import { soundParts, type Parts } from '../parts.ts';

/** Hands each transaction's work a changed transaction. */
const withTransactions = (
  store: ControlStore,
  change: (transaction: ControlTransaction) => ControlTransaction,
): ControlStore => ({
  ...store,
  transact: (work) => store.transact((transaction) => work(change(transaction))),
});

/** A spool that forgets what an earlier process left in it. */
export const forgetfulSpool: Parts = {
  ...soundParts,
  gatewayDisk: (disk) => ({
    ...disk,
    list: (folder) => disk.list(folder).filter((name) => !name.endsWith('.seg') && name.length > 0),
  }),
};

/** A control writer that does not know a key again. */
export const forgetfulWriter: Parts = {
  ...soundParts,
  gatewayStore: (store) =>
    withTransactions(store, (transaction) => ({
      ...transaction,
      get: (collection, id) =>
        collection === 'idempotency' ? Promise.resolve(undefined) : transaction.get(collection, id),
    })),
};

/** A gateway that says it has applied every lockout, whether its view has or not. */
export const boastfulGateway: Parts = {
  ...soundParts,
  gatewayStore: (store) =>
    withTransactions(store, (transaction) => ({
      ...transaction,
      put: (collection, id, value) =>
        transaction.put(collection, id, collection === 'leases' ? { ...value, appliedRevision: 1e9 } : value),
    })),
};

/** Detectors that start each time without what they knew. */
export const forgetfulDetectors: Parts = {
  ...soundParts,
  detectorsLog: (log): EventLog => ({
    ...log,
    read: (options) =>
      options.topic === TOPICS.detectorState.name
        ? log.read({ ...options, onRecords: () => undefined })
        : log.read(options),
  }),
};

/** A journal of open sessions that nothing is written to. */
export const deafJournal: Parts = {
  ...soundParts,
  gatewayDisk: (disk) => ({
    ...disk,
    open(path) {
      const file = disk.open(path);
      return path.includes('open-sessions') ? { ...file, append: () => undefined } : file;
    },
  }),
};

/** A gateway that hears of no verdict, and waits for longer than it may because it thinks the log is slow. */
export const lossyLog: Parts = {
  ...soundParts,
  gatewayLog: (log): EventLog => ({
    ...log,
    writer: async (name) => {
      const writer = await log.writer(name);
      let batches = 0;
      return {
        ...writer,
        append(topic, records) {
          batches += 1;
          // Every ninth batch is reported as written and is not.
          if (batches % 9 !== 0 || topic !== TOPICS.sessionEvents.name) return writer.append(topic, records);
          return Promise.resolve(records.map((_, index) => ({ topic, partition: 0, offset: index })));
        },
      };
    },
  }),
};
