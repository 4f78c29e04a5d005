/**
 * A store that was restored from a backup, or a standby that has not got the last commits, would give numbers again that the topic has
 * used: a lockout would count as applied everywhere before anybody has it. So the numbers are brought past what gateways have applied.
 */
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import type { Logger } from '../../platform/log/log.ts';
import { headOf, putHead } from './control-head.ts';

export async function raiseRevision(
  { store, log }: { readonly store: ControlStore; readonly log: Logger },
  floor: number,
): Promise<void> {
  const found = await store.transact(async (transaction) => {
    const { revision, issued } = await headOf(transaction);
    if (issued < floor) await putHead(transaction, { revision, issued: floor });
    return issued;
  });
  if (found < floor)
    log.error(
      { found, floor },
      'the control store is older than the control topic: it was restored, or a failover has lost commits; its revisions are raised',
    );
}
