/** The control store as one process has it: transactions of the dead roll back, answers may be lost after the commit. */
import type { ControlStore, ControlTransaction } from '../../platform/control-store/control-store.ts';
import { controlStoreError } from '../../platform/control-store/errors.ts';
import type { LinkDeps } from './log-link.ts';

export function createStoreLink(
  { chance, faults, life }: Omit<LinkDeps, 'clock'>,
  store: ControlStore,
): ControlStore {
  const away = (): Error => controlStoreError('CONTROL_STORE_UNAVAILABLE', { reason: 'simulated' });
  const way = (): Promise<void> => life.clock.sleep(chance.between(0, faults.delayMsMax));
  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    await way();
    if (faults.storeAway) throw away();
    const result = await life.guard(work());
    if (chance.happens(faults.storeReplyLost)) throw away();
    return result;
  };
  const inTransaction = (inner: ControlTransaction): ControlTransaction => {
    const step = async <T>(work: () => Promise<T>): Promise<T> => {
      if (life.alive() && chance.happens(0.1)) {
        // Not the process's own clock: the store itself notices that a client is gone.
        await new Promise<void>((resolve) => {
          life.onEnd(resolve);
          life.clock.after(chance.between(0, 1), resolve);
        });
      }
      if (!life.alive()) throw new Error('the client of the store is gone');
      return work();
    };
    return {
      revision: inner.revision,
      get: (collection, id) => step(() => inner.get(collection, id)),
      list: (collection, options) => step(() => inner.list(collection, options)),
      put: (collection, id, value) => step(() => inner.put(collection, id, value)),
      delete: (collection, id) => step(() => inner.delete(collection, id)),
      publish: (topic, key, value) => step(() => inner.publish(topic, key, value)),
    };
  };
  return {
    transact(work) {
      return call(() =>
        store.transact(async (transaction) => {
          const result = await work(inTransaction(transaction));
          if (!life.alive()) throw new Error('the client of the store is gone');
          return result;
        }),
      );
    },
    get: (collection, id) => call(() => store.get(collection, id)),
    list: (collection, options) => call(() => store.list(collection, options)),
    revision: () => call(() => store.revision()),
    outbox: (limit) => call(() => store.outbox(limit)),
    acknowledgeOutbox: (sequence) => call(() => store.acknowledgeOutbox(sequence)),
    onPublished(callback) {
      const stop = store.onPublished(() => life.alive() && callback());
      life.onEnd(stop);
      return stop;
    },
    close: () => Promise.resolve(),
  };
}
