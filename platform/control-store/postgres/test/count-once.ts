import type { ControlStore } from '../../control-store.ts';

/** One transaction that counts on a key of its own and on one that all share, and publishes its revision: what was lost or done twice is seen. */
export const countOnce = (store: ControlStore, name: string): Promise<void> =>
  store.transact(async (tx) => {
    const [own, shared] = await Promise.all([
      tx.get<{ n: number }>('own', name),
      tx.get<{ n: number }>('shared', 'n'),
    ]);
    await tx.put('own', name, { n: (own?.value.n ?? 0) + 1 });
    await tx.put('shared', 'n', { n: (shared?.value.n ?? 0) + 1 });
    await tx.publish('topic', name, Buffer.from(String(tx.revision)));
  });
