/** Public keys of all gateways for their checkpoints: whoever checks a trail of several needs them all. */
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import type { AuditKey } from '../../schemas/api/audit.ts';

const COLLECTION = 'audit-keys';
const KEYS_MAX = 10_000;

/** Kept for good: old events are signed with old keys. */
export function keepAuditKey(store: ControlStore, key: AuditKey): Promise<void> {
  return store.transact(async (transaction) => {
    const id = `${key.gateway}/${key.keyId}`;
    const known = await transaction.get<AuditKey>(COLLECTION, id);
    if (known?.value.publicKey !== key.publicKey || known.value.checkpointMs !== key.checkpointMs)
      await transaction.put(COLLECTION, id, key);
  });
}

export async function listAuditKeys(store: ControlStore): Promise<AuditKey[]> {
  return (await store.list<AuditKey>(COLLECTION, { limit: KEYS_MAX })).map(({ value }) => value);
}
