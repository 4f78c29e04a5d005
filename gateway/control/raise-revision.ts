/**
 * A store that was restored from a backup, or a standby that has not got the last commits, gives revisions again that the topic has used: a
 * lockout would count as applied everywhere before anybody has it. So the store is brought past what gateways have applied.
 */
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import type { Logger } from '../../platform/log/log.ts';

export async function raiseRevision(
  { store, log }: { readonly store: ControlStore; readonly log: Logger },
  floor: number,
): Promise<void> {
  const found = await store.revision();
  if (found >= floor) return;
  log.error(
    { found, floor },
    'the control store is older than the control topic: it was restored, or a failover has lost commits; its revisions are raised',
  );
  // Commits are the only way to a higher revision; one takes about a millisecond.
  for (let revision = found; revision < floor;)
    revision = await store.transact(
      async (transaction) => {
        await transaction.put('control', 'raised', { to: floor });
        return transaction.revision;
      },
      { flush: false },
    );
}
